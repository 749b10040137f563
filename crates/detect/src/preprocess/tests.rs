//! Pre-processing against values worked out by hand, and with frames that lie about their memory.
