#!/usr/bin/env bash
# Builds ringfence out of the action's own source, with the toolchain that rust-toolchain.toml names, and
# leaves the program in $RUNNER_TEMP/ringfence.
set -euo pipefail
cd "$GITHUB_ACTION_PATH"

cargo build --release --locked --package ringfence-cli --target-dir "$RUNNER_TEMP/ringfence-build"
mkdir -p "$RUNNER_TEMP/ringfence"
for program in ringfence ringfence.exe; do
  if [ -f "$RUNNER_TEMP/ringfence-build/release/$program" ]; then
    cp "$RUNNER_TEMP/ringfence-build/release/$program" "$RUNNER_TEMP/ringfence/"
  fi
done
