#!/usr/bin/env bash
# Builds oneDNN static and inference-only, once per version and option set, into the user's cache folder.
#   third_party/onednn.sh [SOURCE_DIR]     prints the installation prefix on its last line of stdout
# Source: SOURCE_DIR if given, else Debian 13's source package, else the upstream tag by git.
set -euo pipefail

version=3.7.2
options=(
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_POSITION_INDEPENDENT_CODE=OFF
  -DONEDNN_LIBRARY_TYPE=STATIC -DONEDNN_CPU_RUNTIME=OMP -DONEDNN_GPU_RUNTIME=NONE -DONEDNN_BUILD_GRAPH=OFF
  -DONEDNN_BUILD_TESTS=OFF -DONEDNN_BUILD_EXAMPLES=OFF -DONEDNN_BUILD_DOC=OFF -DONEDNN_ENABLE_WORKLOAD=INFERENCE
  -DONEDNN_ENABLE_ITT_TASKS=OFF -DONEDNN_ENABLE_JIT_PROFILING=OFF -DONEDNN_ARCH_OPT_FLAGS=
  "-DONEDNN_ENABLE_PRIMITIVE=BATCH_NORMALIZATION;BINARY;CONCAT;CONVOLUTION;ELTWISE;INNER_PRODUCT;LAYER_NORMALIZATION;MATMUL;POOLING;REDUCTION;REORDER;SHUFFLE;SOFTMAX;SUM"
)
source_dir=${1:-}
compiler=$(${CXX:-c++} -dumpfullversion -dumpversion)-$(${CXX:-c++} -dumpmachine)
key=$(printf '%s\n' "$version" "$compiler" "${options[@]}" "${source_dir:+$(realpath "$source_dir")}" | sha256sum | cut -c1-12)
prefix=${XDG_CACHE_HOME:-$HOME/.cache}/naslat/onednn-$version-$key

if [ ! -e "$prefix/complete" ]; then
  mkdir -p "$(dirname "$prefix")"
  exec 9>"$prefix.lock"
  flock 9 # two builds of naslat started at once: the second waits and finds the first one's result
fi
if [ -e "$prefix/complete" ]; then
  echo "$prefix"
  exit 0
fi

work=$(mktemp -d "$prefix.work.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Debian 13's sources, whatever release this machine runs: a private source list with the mirror and keyring it already uses.
fetch_from_debian() {
  command -v apt-get >/dev/null && command -v dpkg-source >/dev/null || return 1
  local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -e "$keyring" ] || return 1
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Created-By: Packages' 'Component: main' 2>/dev/null |
    awk '$2 == "Debian" && $3 == "Debian" { print $1; exit }')
  [ -n "$mirror" ] || return 1
  mkdir -p "$work/lists/partial" "$work/source"
  echo "deb-src [signed-by=$keyring] $mirror trixie main" >"$work/sources.list"
  local apt=(apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::State::Lists="$work/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root)
  "${apt[@]}" update && (cd "$work/source" && "${apt[@]}" source onednn) || return 1
  source_dir=$(find "$work/source" -mindepth 1 -maxdepth 1 -type d -name "onednn-$version*" | head -n 1)
  [ -n "$source_dir" ]
}
fetch_from_git() {
  rm -rf "$work/source"
  git clone --quiet --depth 1 --branch "v$version" https://github.com/uxlfoundation/oneDNN.git "$work/source" && source_dir=$work/source
}

{
  if [ -z "$source_dir" ]; then
    echo "oneDNN $version: fetching its source"
    fetch_from_debian || fetch_from_git || {
      echo "oneDNN $version: no source from Debian 13 or from git; pass -DNASLAT_ONEDNN_SOURCE=DIR" >&2
      exit 1
    }
  fi
  echo "oneDNN $version: building in $prefix (about 17 minutes on two cores, once)"
  cmake -S "$source_dir" -B "$work/build" -G Ninja -DCMAKE_INSTALL_PREFIX="$work/install" -DCMAKE_INSTALL_LIBDIR=lib \
    "${options[@]}" >"$work/log" 2>&1 &&
    cmake --build "$work/build" >>"$work/log" 2>&1 &&
    cmake --install "$work/build" >>"$work/log" 2>&1 || {
    tail -n 30 "$work/log" >&2
    exit 1
  }
} >&2
rm -rf "$prefix"
mv "$work/install" "$prefix"
touch "$prefix/complete"
echo "$prefix"
