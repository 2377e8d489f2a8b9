#!/usr/bin/env bash
# Runs the long form of the tests that break things, and sums up what they did: chaos.sh PROGRAM [SEED]
# Without SEED the seeds begin somewhere new each time; what fails prints its seed, and SEED runs that one again, by itself.
# Exits with 1 when a row was lost or doubled, a test failed, or less was tried than was promised.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(realpath "$1") seed=${2:-}
log=$(mktemp -d "${TMPDIR:-/tmp}/tagbeam-chaos.XXXXXX")
export TAGBEAM_PROGRAM=$program TAGBEAM_CHAOS_REPORT=$log/counts
: >"$TAGBEAM_CHAOS_REPORT"

seeded='TestFaults|TestRandomInterleavings|TestRivals'
protocol="^($seeded|TestEveryInterleaving|TestInterruptions|TestKilled.*|TestBroken.*)\$"
if [ -n "$seed" ]; then
  export TAGBEAM_SEED=$seed
  protocol="^($seeded)\$"
  echo "chaos: seed $seed again"
else
  export TAGBEAM_CHAOS=${TAGBEAM_CHAOS:-$(date +%s)000}
  echo "chaos: seeds from $TAGBEAM_CHAOS"
fi

failed=0
# The program is the one that was built: what is killed is not a test.
go test -count 1 -timeout 1h -v -run "$protocol" ./io/run >"$log/protocol" 2>&1 &
first=$!
go test -count 1 -timeout 1h -v -run '^(TestSIGKILL|TestWireFaults)$' ./pipeline/tagbeam >"$log/program" 2>&1 || failed=1
wait "$first" || failed=1

if [ "$failed" = 1 ]; then
  grep -hE -A 60 '^ *--- FAIL|^panic|^FAIL|seed [0-9]+' "$log/protocol" "$log/program" | head -200 || true
  echo "chaos: FAILED; all that was said is in $log" >&2
fi
awk -F '\t' '
  { if (!($1 in sum)) order[++n] = $1; sum[$1] += $2 }
  END {
    for (i = 1; i <= n; i++) if (order[i] !~ /^rows /) printf "  %9d  %s\n", sum[order[i]], order[i]
    printf "  %9d  rows lost\n  %9d  rows doubled\n", sum["rows lost"], sum["rows doubled"]
  }' "$TAGBEAM_CHAOS_REPORT"
total() { awk -F '\t' -v what="$1" '$1 == what { n += $2 } END { print n + 0 }' "$TAGBEAM_CHAOS_REPORT"; }
[ "$(total 'rows lost')" = 0 ] && [ "$(total 'rows doubled')" = 0 ] || failed=1
if [ -z "$seed" ] && [ "$failed" = 0 ]; then
  [ "$(total 'fault runs')" -ge 1000 ] && [ "$(total 'SIGKILLs')" -ge 100 ] || { echo "chaos: less was tried than 1,000 fault runs and 100 SIGKILLs" >&2; failed=1; }
fi
[ "$failed" = 1 ] || rm -r "$log"
[ "$failed" = 0 ] && echo "chaos: passed in $SECONDS s"
exit "$failed"
