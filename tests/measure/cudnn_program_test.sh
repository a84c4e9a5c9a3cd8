#!/bin/sh
# The commands from end to end on GPUs that the processor plays. cudnn_program_test.sh NASLAT FAKES
set -eu
naslat=$(realpath "$1")
export NASLAT_CUDA_PATH=$2
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
cd "$work"

fail() { echo "cudnn_program_test: $1" >&2; cat "$work"/output "$work"/errors >&2; exit 1; }
holds() { # holds 'what' PATTERN FILE
  grep -q -e "$2" "$3" || fail "$1"
}
measure() {
  "$naslat" measure --backend cudnn --space nasbench201-imagenet16 --archs range:0-1 --runs 4 --warmup 1 --discard 0 \
    --visits 2 --quiet "$@" >output 2>errors
}

"$naslat" devices --backend cudnn >output 2>errors || fail 'devices answer'
for gpu in processor-1 processor-1-gpu1 processor-2; do holds "$gpu is listed" "cudnn-${gpu}_t1_b1_f32_fused" output; done

measure --gpu 1 --cuda-graph --autotune --out d.jsonl || fail 'the second GPU measures'
holds 'a record names its device' '"device":"cudnn-processor-1-gpu1_t1_b1_f32_fused_graph_autotuned"' d.jsonl
holds 'a record has the choice' '"cuda_graph":true,"autotune":true' d.jsonl
holds 'a record has the time of the GPU' '"device_samples_s":\[' d.jsonl
holds 'a record has the state of the GPU' '"sm_clock_mhz":1980' d.jsonl
holds 'a record says what held the GPU back' '"throttled"' d.jsonl
holds 'the summary does too' '2 networks were timed while the device held its clocks back' output
holds 'the summary has the time of the GPU' device_ms output
"$naslat" export d.jsonl --metric device_ms >output 2>errors || fail 'device times are exported'
holds 'a column is named' autotuned_device_ms output
[ "$(grep -c ',[-.0-9e]*[0-9]$' output)" -eq 2 ] || fail 'both networks have a time of the GPU'

cat >sweeps.toml <<'END'
[sweeps.plain]
backend = "cudnn"
space = "nasbench201-imagenet16"
archs = ["range:0-0"]
[sweeps.graph]
backend = "cudnn"
gpu = 2
cuda-graph = true
space = "nasbench201-imagenet16"
archs = ["range:0-0", "range:1-1"]
END
"$naslat" measure --sweeps sweeps.toml --runs 4 --warmup 1 --discard 0 --visits 2 --quiet --out s.jsonl >output 2>errors ||
  fail 'sweeps of a file measure'
holds 'each on its GPU' '"device":"cudnn-processor-2_t1_b1_f32_fused_graph"' s.jsonl

measure --gpu 3 --out e.jsonl && fail 'a fourth GPU is refused' || [ $? -eq 2 ] || fail 'it is a mistake of the user'
holds 'it says why' 'gpu: got 3, wanted 0..2' errors
