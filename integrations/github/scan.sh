#!/usr/bin/env bash
# Scans what the action's inputs name: annotations to the log, a summary to the page of the run, SARIF to
# a file. The inputs come as RINGFENCE_* variables. bash 3.2 of macOS has to understand this.
set -euo pipefail

arguments=(scan --format github)

# Adds the lines of $2 that are not empty, each with the option $1 before it, if there is one.
add_lines() {
  while IFS= read -r line; do
    line=${line%$'\r'}
    if [ -n "$line" ]; then
      if [ -n "$1" ]; then arguments+=("$1"); fi
      arguments+=("$line")
    fi
  done <<< "$2"
}

case $RINGFENCE_SARIF in
  '' | *$'\n'*)
    echo "::error title=ringfence::the input 'sarif' takes one file name"
    exit 2
    ;;
esac
case $RINGFENCE_FAIL_UNKNOWN in
  true) arguments+=(--fail-unknown) ;;
  false) ;;
  *)
    echo "::error title=ringfence::the input 'fail-unknown' takes true or false"
    exit 2
    ;;
esac
if [ "$RINGFENCE_FAIL_ON" != none ]; then arguments+=(--gate "$RINGFENCE_FAIL_ON"); fi
if [ -n "$RINGFENCE_TARGET" ]; then arguments+=(--target "$RINGFENCE_TARGET"); fi
add_lines --symbols "$RINGFENCE_SYMBOLS"
add_lines '' "$RINGFENCE_ARGS"

summary=$(mktemp)
arguments+=(--report "sarif=$RINGFENCE_SARIF" --report "markdown=$summary" --)
add_lines '' "$RINGFENCE_PATHS"

code=0
"$RUNNER_TEMP/ringfence/ringfence" "${arguments[@]}" || code=$?

cat "$summary" >> "$GITHUB_STEP_SUMMARY"
rm -f "$summary"
{
  echo "sarif=$RINGFENCE_SARIF"
  echo "exit-code=$code"
} >> "$GITHUB_OUTPUT"

if [ "$code" = 3 ]; then echo "::error title=ringfence::no driver was found in what 'paths' names"; fi
if [ "$code" = 1 ] && [ "$RINGFENCE_FAIL_ON" = none ]; then code=0; fi
exit "$code"
