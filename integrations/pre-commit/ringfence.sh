#!/usr/bin/env bash
# Builds ringfence in pre-commit's own copy of this repository, where that has not been done, and runs the command $1 of it.
#
# `language: rust` would be the obvious way, but it installs the package at the root of a repository, and
# at the root of this one is a workspace.
set -euo pipefail
command=$1
shift
root=$(cd "$(dirname "$0")/../.." && pwd)

# From there, so that the toolchain is the one that rust-toolchain.toml names.
target=${CARGO_TARGET_DIR:-$root/target}
(cd "$root" && cargo build --quiet --release --locked --package ringfence-cli --target-dir "$target")

# The hook's options and the files come in one list, and a file may be called like an option.
arguments=()
for argument in "$@"; do
    if [[ $argument == -* && -f $argument ]]; then argument=./$argument; fi
    arguments+=("$argument")
done
exec "$target/release/ringfence" "$command" --format concise "${arguments[@]}"
