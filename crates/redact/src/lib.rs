//! Evidence stills and the background view.
