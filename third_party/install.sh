#!/usr/bin/env bash
# Installs the packages naslat is built with, on Debian 12 or 13 as root or with sudo; does nothing where none is missing.
set -euo pipefail

packages=(
  build-essential cmake ninja-build git ca-certificates
  libeigen3-dev libtoml11-dev libcli11-dev nlohmann-json3-dev libfmt-dev libminizip-dev zlib1g-dev
  libcmark-gfm-dev libcmark-gfm-extensions-dev
  libgtest-dev libbenchmark-dev ccache
  dpkg-dev xz-utils libspdlog-dev libsimde-dev # to fetch and build oneDNN's sources
)

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "not a Debian system: naslat needs what Debian calls: ${packages[*]}" >&2
  exit 0 # CMake says what is missing, if anything is
fi
native=$(dpkg --print-architecture) # a machine that builds for others may have a package several times
installed=$(dpkg-query -W -f '${Package} ${Architecture} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null || true)
missing=()
for package in "${packages[@]}"; do
  grep -qxE "$package ($native|all) installed" <<<"$installed" || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "missing packages, and neither root nor sudo: apt-get install ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "installing: ${missing[*]}" >&2
"${as_root[@]}" apt-get -qq update >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >&2
