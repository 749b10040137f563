# Sourced by the other scripts: where things that scripts/setup fetched are, and how to run them. Nothing
# here installs or builds anything. The machine's own node and npm are never used: they may be too old, and
# one that happens to be new would hide that the pinned one is missing.
# shellcheck shell=bash

wayside_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
wayside_fetched="$wayside_root/.wayside"

# The private Python, a virtual environment with nothing but pip in it.
wayside_python() { echo "$wayside_fetched/venv/bin/python"; }

# The Python with the readers of faces and plates, for scripts/readers alone.
wayside_readers_python() { echo "$wayside_fetched/readers/bin/python"; }

# The pinned Node.
wayside_node() { echo "$wayside_fetched/node/bin/node"; }

# The pinned npm, a script for it.
wayside_npm_script() { echo "$wayside_fetched/node/lib/node_modules/npm/bin/npm-cli.js"; }

# Runs a program that is sent SIGTERM when the shell that started it ends, however that ends: of SIGKILL no trap hears. For
# background jobs, since it takes the place of the shell that calls it.
wayside_bound() { exec setpriv --pdeathsig TERM -- "$@"; }

# Runs the pinned npm, with the pinned node first for what it starts.
wayside_npm() {
  PATH="$wayside_fetched/node/bin:$PATH" "$(wayside_node)" "$(wayside_npm_script)" "$@"
}
