#!/usr/bin/env bash
# Writes a digest of everything that the program is built from to $GITHUB_OUTPUT, as the key of its cache.
set -euo pipefail
cd "$GITHUB_ACTION_PATH"

# macOS has the other name.
sum() { if command -v sha256sum > /dev/null; then sha256sum; else shasum -a 256; fi; }

digest=$(
  find Cargo.toml Cargo.lock rust-toolchain.toml crates -type f -print | LC_ALL=C sort |
    while IFS= read -r file; do
      printf '%s\n' "$file"
      cat "$file"
    done | sum | cut -d ' ' -f 1
)
echo "digest=$digest" >> "$GITHUB_OUTPUT"
