#!/usr/bin/env bash
# What the README promises of the released file, tried on the file itself: tests/release_test.sh build/release/naslat
set -uo pipefail
naslat=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
passed=0 failed=0

holds() { # what, command…
  local what=$1
  shift
  if "$@" >output 2>errors; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED: %s\n' "$what"
    tail -n 5 output errors
  fi
}
exits() { # wanted exit code, part of the one line on stderr, arguments…
  local code=$1 message=$2
  shift 2
  "$naslat" "$@" >output 2>errors
  [ $? -eq "$code" ] && [ "$(wc -l <errors)" -eq 1 ] && grep -qF -- "$message" errors
}
json() { # python-free check that stdout is one JSON document holding a text
  local wanted=$1
  shift
  "$naslat" "$@" >output 2>errors && head -c 1 output | grep -q '[[{]' && grep -qF -- "$wanted" output
}
static() { { ldd "$naslat" 2>&1 || true; } | grep -q 'not a dynamic executable'; }
small() {
  strip -o stripped "$naslat" && [ "$(stat -c %s stripped)" -lt $((60 * 1024 * 1024)) ]
}
starts_fast() { # the best of five, since the machine may be busy
  local best=1000000 start took
  for _ in 1 2 3 4 5; do
    start=$(date +%s%N)
    "$naslat" --version >/dev/null
    took=$((($(date +%s%N) - start) / 1000))
    [ "$took" -lt "$best" ] && best=$took
  done
  echo "$best us"
  [ "$best" -lt 50000 ]
}

full_output() {
  "$naslat" --version >/dev/full 2>errors
  [ $? -eq 1 ] && grep -q 'standard output: cannot be written: No space left on device' errors
}
unread_output() { # more than a pipe holds
  "$naslat" spaces nasbench201 1462 --json 2>errors | true
  [ "${PIPESTATUS[0]}" -eq 141 ] && [ ! -s errors ]
}
no_proc() { # in a container without /proc the cores are those it may use
  unshare -m bash -c 'umount -l /proc; exec "$@"' - "$naslat" devices >output 2>errors &&
    grep -q "^  processors_allowed  *$(nproc)$" output && grep -q '/proc cannot be read' output
}

holds 'the binary is fully static' static
holds 'a full disk behind standard output is an error' full_output
holds 'a reader of standard output that has seen enough is none' unread_output
if unshare -m true 2>/dev/null; then
  holds 'without /proc it knows its processors' no_proc
else
  echo 'not tried, as only root may unmount /proc: without /proc it knows its processors'
fi
holds 'stripped it is under 60 MB' small
holds 'it starts in under 50 ms' starts_fast
holds 'spaces are listed' json '"nasbench201"' spaces --json
holds 'a network is printed by its index' json '220119680' spaces nasbench201 1462 --json
holds 'an unknown space is the request'"'"'s fault' exits 2 "got 'nosuch', wanted one of nasbench201" spaces nosuch
holds 'an unknown command is the request'"'"'s fault' exits 2 "command: got 'nosuch', wanted one of spaces, devices" nosuch
holds 'no command is the request'"'"'s fault' exits 2 'command: got none, wanted one of spaces, devices'
holds 'a device is listed as asked for' json '"simulated-npu_like_t1_b4_f32_fused"' devices --backend simulated --hardware npu_like --batch 4 --json
holds 'no device is listed that cannot be' exits 2 "isa: got 'avx9', wanted one of" devices --isa avx9
holds 'a broken architecture is named' exits 2 'nasbench201: architecture' spaces nasbench201 '|conv~0|'

printf 'archs = ["3"]\n' >config.toml
holds 'no output replaces what is read' exits 2 'out: got config.toml, which is read, wanted another file' predict d.jsonl --config config.toml --out config.toml
printf 'PK\003\033[2J\000\n' >zip
holds 'what a terminal would obey is not shown' exits 1 "zip:1: not JSON: got 'PK\x03\x1b[2J'" predict zip --archs 3

simulated=(--backend simulated --hardware cpu_like --quiet)
measures() { # wanted number of networks measured and already there
  "$naslat" measure "${simulated[@]}" --archs random:20 --out d.jsonl --json >output 2>errors &&
    grep -q "\"measured\": $1," output && grep -q "\"already_there\": $2," output
}
exports() { # a header and a row per network
  "$naslat" export d.jsonl >output 2>errors && [ "$(wc -l <output)" -eq 21 ]
}
characterizes() {
  "$naslat" characterize "${simulated[@]}" --out report --json >output 2>errors || return 1
  for file in report.md report.html report.json dataset.jsonl predictions.csv networks.csv held_out.svg; do [ -s "report/$file" ] || return 1; done
  grep -q '"origin": "simulated"' output && grep -q simulated report/report.md &&
    "$naslat" report report --format html | cmp -s - report/report.html &&
    [ "$(wc -l <report/predictions.csv)" -eq 15626 ] && cmp -s output report/report.json
}
characterizes_a_small_space() { # of 31 networks, most of which it would time
  "$naslat" characterize "${simulated[@]}" --space zoo --target-error 0.01 --out zoo >output 2>errors && grep -q '^held out    10 networks' output
}
reports_what_it_recorded() { # every latency in units of the same anchors, whichever sweep it is from
  "$naslat" export report/dataset.jsonl >output 2>errors || return 1
  awk -F, 'NR == FNR { recorded[$3] = $4; next }
           FNR > 1 { if (($4 - recorded[$3]) ^ 2 < (1e-5 * $4) ^ 2) ++same; else ++other }
           END { exit same < 80 || other > 0 }' output report/networks.csv
}
holds 'a sweep is recorded' measures 20 0
holds 'a sweep that is there is not repeated' measures 0 20
holds 'a name stands for one device' exits 1 'fused; got simulated-cpu_like_t1_b1_f32_eager: give it another --device-name' measure "${simulated[@]}" --mode eager --device-name simulated-cpu_like_t1_b1_f32_fused --archs 3 --out d.jsonl
truncate -s -10 d.jsonl
holds 'a torn record is measured again, the rest is kept' measures 1 19
holds 'a dataset becomes a table' exports
holds 'characterize writes a whole report and says that it is simulated' characterizes
holds 'a space of few networks is characterized too' characterizes_a_small_space
holds 'a report agrees with its dataset' reports_what_it_recorded
holds 'a report is rendered again' "$naslat" report report --format csv
embeds() { # every space; one file holds them all
  for space in $("$naslat" spaces | cut -d' ' -f1); do
    "$naslat" embed "${simulated[@]}" --space "$space" --out spaces.jsonl --json >output 2>errors || return 1
    [ "$(grep -c '"embedding": [0-9]' output)" -eq 10 ] || return 1
  done
  [ "$(grep -c '"type":"measurement"' spaces.jsonl)" -eq $((10 * $("$naslat" spaces | wc -l))) ]
}
blocks_add_up() { # to within 3% of the network, in the best of three sweeps, since the machine may be busy
  for attempt in 1 2 3; do
    "$naslat" measure --space fbnet --archs reference --threads 1 --blocks --out "blocks$attempt.jsonl" --quiet --json >output 2>errors || return 1
    awk '/"block_share"/ { gsub(/[,"]/, ""); ok = $2 > 0.97 && $2 < 1.03 } END { exit !ok }' output && return 0
  done
  return 1
}
exports_memory() {
  "$naslat" export blocks1.jsonl --metric memory_bytes >output 2>errors && head -n 1 output | grep -q _memory_bytes &&
    [ "$(grep -cE ',[0-9]{7,}$' output)" -eq 10 ]
}
measures_in_bf16() { # or says which instruction set is missing
  "$naslat" measure --space zoo --archs mobilenetv3-large --dtype bf16 --threads 1 --runs 5 --visits 1 --no-anchor --out bf16.jsonl --quiet >output 2>errors &&
    { grep -q '1 networks measured' output || grep -q 'which wants avx' bf16.jsonl; }
}
holds 'the references of every space are embedded, into one file' embeds
probes_teach() { # ten designed probes, three more beside them, and everything else is predicted from these
  "$naslat" measure "${simulated[@]}" --archs probe:10 --out probes.jsonl >output 2>errors &&
    "$naslat" measure "${simulated[@]}" --next 3 --out probes.jsonl --json >output 2>errors && grep -q '"measured": 3,' output &&
    "$naslat" predict probes.jsonl --archs all --out predicted.csv >output 2>errors &&
    [ "$(wc -l <predicted.csv)" -eq 15626 ] && head -n 1 predicted.csv | grep -q 'predicted_ms,plus_minus_ms,.*device,origin'
}
characterizes_every_space() { # with error bars, also where no network has an index
  "$naslat" characterize "${simulated[@]}" --space mobilenetv3 --held-out 10 --max-samples 20 --out report-ofa --json >output 2>errors &&
    grep -q '"predictor": "additive"' output && grep -q '"coverage90": [0-9]' output && [ "$(wc -l <report-ofa/predictions.csv)" -eq 2001 ]
}
holds 'designed probes are measured, others chosen, the space predicted' probes_teach
holds 'characterize works for spaces too large to list' characterizes_every_space
searches() { # all networks or evolution, the same best one; a limit that nothing keeps is the data's fault
  "$naslat" predict probes.jsonl --archs all --json 2>errors | awk '/"predicted_ms"/ { gsub(/[,"]/, ""); print $2 }' | sort -g >sorted
  limit=$(sed -n 5000p sorted)
  for algorithm in exhaustive evolution; do
    "$naslat" search probes.jsonl --limit-ms "$limit" --maximize macs --top 1 --algorithm "$algorithm" --out "$algorithm.csv" --quiet >output 2>errors || return 1
  done
  [ "$(wc -l <exhaustive.csv)" -eq 2 ] && cmp -s exhaustive.csv evolution.csv && exits 1 'limit: got' search probes.jsonl --limit-ms 1e-6 --maximize macs --quiet
}
times_what_it_found() { # into the same dataset, which must be one, and of this machine
  cp probes.jsonl again.jsonl
  cp predicted.csv table.csv && printf 'unfinished' >>table.csv && cp table.csv kept.csv
  "$naslat" search again.jsonl --limit-ms "$(sed -n 5000p sorted)" --maximize macs --top 3 --measure --out found.csv --quiet >output 2>errors &&
    grep -q '^timed: 3 of 3, median error' output && [ "$(grep -c '"type":"measurement"' again.jsonl)" -eq $(($(grep -c '"type":"measurement"' probes.jsonl) + 3)) ] &&
    [ "$(grep -cE '[0-9],[^,]*,simulated$' found.csv)" -eq 3 ] && ! "$naslat" search table.csv --limit-ms 1e3 --maximize macs --measure --quiet >output 2>errors && cmp -s table.csv kept.csv
}
holds 'the best network within a limit is found' searches
holds 'what was found is timed' times_what_it_found
holds 'an unknown device is named, with those there are' exits 2 "device: got 'nosuch', wanted one of simulated" predict d.jsonl --device nosuch --archs 3
experiments() { # rendered again from what they wrote
  "$naslat" evaluate --data probes.jsonl --predictors op-counts:6 additive:6 --protocols nasflat --seeds 2 --predictions --out results --quiet >output 2>errors &&
    "$naslat" report results >again 2>errors && cmp -s again results/results.md &&
    "$naslat" report results --format svg | cmp -s - results/predictions.svg && [ "$(wc -l <results/predictions.csv)" -eq 15 ] &&
    "$naslat" report results --format html >page && grep -q '^<p><svg ' page && "$naslat" report results --format csv | grep -q '^,additive,6,'
}
holds 'an experiment is rendered again' experiments
pools() { # one device after the other, each with an instruction set of its own
  printf '[sweeps.%s]\narchs = ["random:2"]\nthreads = 1\nisa = "%s"\ndevice-name = "%s"\n' a sse41 a b avx2 b >pool.toml
  "$naslat" measure --sweeps pool.toml --runs 5 --warmup 1 --discard 1 --visits 1 --no-anchor --out pool.jsonl --quiet >output 2>errors &&
    [ "$(grep -c '2 networks measured' output)" -eq 2 ] && [ "$("$naslat" export pool.jsonl | head -n 1)" = "space,index,architecture,a_latency_ms,b_latency_ms" ]
}
if [ "$(uname -m)" = x86_64 ]; then holds 'a pool of devices is measured in one go' pools; fi
pool_as_json() { # one document for all devices
  printf '[sweeps.%s]\narchs = ["random:2"]\nbackend = "simulated"\ndevice-name = "%s"\n' a one b two >pool.toml
  json '"name": "b"' measure --sweeps pool.toml --visits 1 --no-anchor --out j.jsonl --quiet --json &&
    [ "$(grep -c '^}' output)" -eq 1 ] && [ "$(grep -c '"networks": \[' output)" -eq 2 ]
}
holds 'a pool of devices is one document' pool_as_json
holds 'what a device cannot execute is the machine'"'"'s fault' exits 1 'none of the 2 networks can be measured; the first: reference: dtype: got f16' \
  measure --backend reference --dtype f16 --archs 3 5 --visits 1 --no-anchor --quiet --out f16.jsonl
holds 'block times add up to the network' blocks_add_up
holds 'memory is a metric' exports_memory
holds 'bf16 is a device of its own' measures_in_bf16
holds 'a named network is printed' json '216589760' spaces zoo mobilenetv3-large --json
holds 'an unknown backend is the request'"'"'s fault' exits 2 "backend: got 'abacus'" measure --backend abacus --archs reference --out e.jsonl
echo 'colour = "red"' >broken.toml
holds 'a broken config names key and line' exits 2 'broken.toml:1: colour' measure --config broken.toml
printf '\nmode = "hasty"\n' >broken.toml
holds 'and where a value is refused later' exits 2 "broken.toml:2: mode: got 'hasty'" measure --archs 3 --config broken.toml

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
