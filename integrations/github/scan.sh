#!/usr/bin/env bash
# Scans what the action's inputs name, or looks at its source: annotations to the log, a summary to the page of the run, SARIF and
# Markdown to files. The inputs come as RINGFENCE_* variables. bash 3.2 of macOS has to understand this.
set -euo pipefail

# Ends with an annotation that says why: $1, with what a command's text may not have as such escaped.
refuse() {
  local text=${1//'%'/%25}
  text=${text//$'\n'/%0A}
  echo "::error title=ringfence::$text"
  exit 2
}

# Adds the lines of $2 that are not empty, each with the option $1 before it.
add_lines() {
  while IFS= read -r line; do
    line=${line%$'\r'}
    if [ -n "$line" ]; then
      if [ -n "$1" ]; then arguments+=("$1"); fi
      arguments+=("$line")
    fi
  done <<< "$2"
}

# Adds the words of $1 as a shell splits them, but for backslashes, which paths of Windows have, and without
# expanding anything.
add_words() {
  local word='' open=no quote='' index letter
  for ((index = 0; index < ${#1}; index++)); do
    letter=${1:index:1}
    if [ -n "$quote" ]; then
      if [ "$letter" = "$quote" ]; then quote=''; else word+=$letter; fi
    else
      case $letter in
        \' | \") quote=$letter open=yes ;;
        ' ' | $'\t' | $'\r' | $'\n')
          if [ "$open" = yes ]; then arguments+=("$word"); fi
          word='' open=no
          ;;
        *) word+=$letter open=yes ;;
      esac
    fi
  done
  if [ -n "$quote" ]; then refuse "the input 'args' has a quotation mark that is never closed: $1"; fi
  if [ "$open" = yes ]; then arguments+=("$word"); fi
}

case $RINGFENCE_COMMAND in
  scan) nothing='no driver was found' name=ringfence ;;
  lint) nothing='neither source nor a project file was found' name=ringfence-lint ;;
  *) refuse "the input 'command' takes scan or lint" ;;
esac
arguments=("$RINGFENCE_COMMAND" --format github)
# Source gives no answers that could be gated.
if [ "$RINGFENCE_COMMAND" = lint ]; then
  case $RINGFENCE_FAIL_ON in
    '' | none) ;;
    *) refuse "the input 'fail-on' takes none with lint, or is empty" ;;
  esac
  if [ -n "$RINGFENCE_FAIL_UNKNOWN$RINGFENCE_SYMBOLS" ]; then
    refuse "the inputs 'fail-unknown' and 'symbols' are not for lint"
  fi
fi
case $RINGFENCE_SARIF in
  '' | *$'\n'*) refuse "the input 'sarif' takes one file name" ;;
esac
case $RINGFENCE_FAIL_UNKNOWN in
  '') ;;
  true | false) arguments+=("--fail-unknown=$RINGFENCE_FAIL_UNKNOWN") ;;
  *) refuse "the input 'fail-unknown' takes true or false" ;;
esac
# What is not given is for ringfence.toml to say.
case $RINGFENCE_FAIL_ON in
  '') ;;
  # Troubles still fail the step.
  none) arguments+=(--exit-zero) ;;
  *) arguments+=(--gate "$RINGFENCE_FAIL_ON") ;;
esac
if [ -n "$RINGFENCE_TARGET" ]; then arguments+=(--target "$RINGFENCE_TARGET"); fi
add_lines --symbols "$RINGFENCE_SYMBOLS"
add_words "$RINGFENCE_ARGS"

summary=$RUNNER_TEMP/$name.md
# One of an earlier step would be taken for this one's.
for file in "$summary" "$RINGFENCE_SARIF"; do
  if [ -f "$file" ]; then rm -f -- "$file"; fi
done
arguments+=(--report "sarif=$RINGFENCE_SARIF" --report "markdown=$summary" --)
add_lines '' "$RINGFENCE_PATHS"

code=0
errors=$(mktemp)
"$RUNNER_TEMP/ringfence/ringfence" "${arguments[@]}" 2> "$errors" || code=$?
cat "$errors" >&2

if [ -f "$summary" ]; then
  cat "$summary" >> "$GITHUB_STEP_SUMMARY"
  echo "markdown=$summary" >> "$GITHUB_OUTPUT"
fi
if [ -f "$RINGFENCE_SARIF" ]; then echo "sarif=$RINGFENCE_SARIF" >> "$GITHUB_OUTPUT"; fi
echo "exit-code=$code" >> "$GITHUB_OUTPUT"

# What could not be read is annotated already; a usage error or a report that could not be written is not.
if [ "$code" = 2 ]; then
  while IFS= read -r line; do
    case $line in
      'error: cannot read '*) ;;
      'error: '*) (refuse "${line#error: }") || true ;;
    esac
  done < "$errors"
fi
rm -f "$errors"
if [ "$code" = 3 ]; then echo "::error title=ringfence::$nothing in what 'paths' names"; fi
exit "$code"
