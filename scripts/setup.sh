#!/bin/sh
# Installs what this machine lacks, and only that. Usage: scripts/setup.sh [run|test|dev]
#   run   build and run stylet, convert checkpoints (the default)
#   test  and run the tests; with CI=true the same as dev
#   dev   and clang, sanitizers, valgrind, shellcheck, a compiler and an emulator for aarch64
# And into build/third_party: KISS FFT's source, which the build compiles for wide vectors (without it things work, slower), and
# for dev the libraries that make check-arm64 links.
# What is there is told by command, header and pkg-config, so any system that has it all passes without apt.
set -eu

tier=${1:-run}
if [ "$tier" = test ] && [ "${CI:-}" = true ]; then tier=dev; fi
case $tier in
run) tiers=" run " ;;
test) tiers=" run test " ;;
dev) tiers=" run test dev " ;;
*) echo "usage: scripts/setup.sh [run|test|dev]" >&2 && exit 2 ;;
esac

# tier, kind of check, what is looked for, Debian package
table="
run  command cc            gcc
run  header  stdio.h       libc6-dev
run  command make          make
run  command pkg-config    pkg-config
run  library sndfile       libsndfile1-dev
run  library kissfft-float libkissfft-dev
run  library libcjson      libcjson-dev
run  library openblas      libopenblas-pthread-dev
run  library soxr          libsoxr-dev
run  library libxxhash     libxxhash-dev
run  library nettle        nettle-dev
run  library zlib          zlib1g-dev
run  library libpng        libpng-dev
run  library espeak-ng     libespeak-ng-dev
run  command python3       python3
run  python  numpy         python3-numpy
test library cmocka        libcmocka-dev
test command espeak-ng     espeak-ng
test command sndfile-convert sndfile-programs
test command sbatch        slurm-client
test command slurmctld     slurmctld
test command slurmd        slurmd
test command munged        munge
test command parallel      parallel
test file    /usr/share/i18n/charmaps/UTF-8.gz locales
dev  command chromium      chromium
dev  command clang         clang
dev  runtime asan          libclang-rt-VERSION-dev
dev  command valgrind      valgrind
dev  command shellcheck    shellcheck
dev  command zsh           zsh
dev  command fish          fish
dev  command man           man-db
dev  command mandoc        mandoc
dev  command aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
dev  command qemu-aarch64  qemu-user
"

have() { # KIND NAME PACKAGE
    case $1 in
    command) PATH=$PATH:/usr/sbin command -v "$2" ;;
    file) test -e "$2" ;;
    header) echo "#include <$2>" | cc -E - ;;
    library)
        if command -v pkg-config; then
            pkg-config --exists "$2"
        else # its packages may be here all the same: ask the package system
            dpkg-query -W -f '${db:Status-Status}' "$3" | grep -qx installed
        fi
        ;;
    python) # the system's own Python is asked first: a version manager's wrapper takes 0.2 s to start
        look="import importlib.util as u, sys; sys.exit(u.find_spec('$2') is None)"
        /usr/bin/python3 -c "$look" || python3 -c "$look"
        ;;
    runtime) # what clang -fsanitize links
        for file in "$(clang --print-runtime-dir)/libclang_rt.$2"*; do [ -e "$file" ] && return; done
        return 1
        ;;
    esac >/dev/null 2>&1
}

clang_version() { # of the clang that is here, or else of the one that apt would install
    version=$(clang -dumpversion 2>/dev/null || apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-//p')
    version=${version%%.*}
    echo "${version:-14}"
}

find_missing() { # sets missing: the packages still to be installed
    missing=
    while read -r row_tier kind name package; do
        case $tiers in *" ${row_tier:-none} "*) ;; *) continue ;; esac
        have "$kind" "$name" "$package" && continue
        case $package in *VERSION*) package=libclang-rt-$(clang_version)-dev ;; esac
        missing="$missing $package"
    done <<EOF
$table
EOF
}

give_up() { # REASON
    echo "setup: $1. Missing packages (Debian's names):$missing" >&2
    echo "setup: $how ${sudo}apt-get update && ${sudo}apt-get install -y --no-install-recommends$missing" >&2
    exit 1
}

apt() {
    # shellcheck disable=SC2086 # $rights is a command and its options, or nothing
    $rights env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::http::Timeout=30 \
        "$@" >>"$log" 2>&1 </dev/null
}

third_party=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)/build/third_party

# apt with package lists and a cache of its own: nothing of the system is touched, and no rights are needed. apt checks
# signatures and digests as always.
own_apt() { # FOLDER WORD...
    own=$1
    shift
    mkdir -p "$own/lists/partial" "$own/cache/archives/partial" || return
    apt-get -q -y -o Dir::State::lists="$own/lists" -o Dir::Cache="$own/cache" -o APT::Sandbox::User="$(id -un)" \
        -o Acquire::http::Timeout=15 -o Acquire::Retries=0 "$@"
}

# KISS FFT's own source package, by deb-src entries made from the configured deb entries.
download_kissfft() { # FOLDER TO
    mkdir -p "$1/entries" "$1/got" || return
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
        sed -n 's/^deb\([[:space:]]\)/deb-src\1/p' >"$1/entries/all.list"
    for file in /etc/apt/sources.list.d/*.sources; do
        [ ! -e "$file" ] || sed 's/^Types:.*/Types: deb-src/' "$file" >"$1/entries/${file##*/}" || return
    done
    entries="-o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=$1/entries"
    # shellcheck disable=SC2086 # $entries is a list of options
    own_apt "$1" $entries update && (cd "$1/got" && own_apt "$1" $entries source --download-only kissfft) &&
        tar -xf "$1"/got/kissfft_*.orig.tar.* -C "$2" --strip-components=1 && [ -e "$2/kiss_fft.c" ]
}

# The libraries of the table for aarch64, unpacked but not installed.
download_arm64() { # FOLDER TO
    libraries=$(echo "$table" | sed -n 's/^[a-z]* *library .* //p')
    : >"$1/status"
    arm64="-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State::status=$1/status"
    # shellcheck disable=SC2086 # lists of words
    own_apt "$1" $arm64 update &&
        own_apt "$1" $arm64 install --download-only --no-install-recommends libc6-dev $libraries || return
    for package in "$1"/cache/archives/*.deb; do
        dpkg-deb -x "$package" "$2" || return
    done
    find "$2" -type l -lname '/*' | while read -r link; do
        ln -sfnr "$2$(readlink "$link")" "$link" || return
    done
    ln -s openblas-pthread/libopenblas.so.0 "$2/usr/lib/aarch64-linux-gnu/"
}

get() { # NAME WHAT WITHOUT: build/third_party/NAME, or a mark that it was tried
    there=$third_party/$1
    [ ! -e "$there" ] && [ ! -e "$there.absent" ] && command -v apt-get >/dev/null || return 0
    echo "setup: fetching $2" >&2
    work=$(mktemp -d) && rm -rf "$there.new" && mkdir -p "$there.new"
    if "download_$1" "$work" "$there.new" >"$work/log" 2>&1 </dev/null && mv "$there.new" "$there"; then
        :
    else
        echo "setup: could not get $2 (is there a network?); $3. To try again: rm $there.absent" >&2
        rm -rf "$there.new"
        : >"$there.absent"
    fi
    rm -rf "$work"
}

get_others() {
    get kissfft "the source of KISS FFT" "the front end is slower without"
    if [ "$tier" = dev ] && [ "$(uname -m)" != aarch64 ]; then
        get arm64 "libraries for aarch64" "make check-arm64 needs them"
    fi
}

find_missing
if [ -z "$missing" ]; then
    get_others
    exit
fi

rights='' sudo='' how='to install them, as root:'
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || give_up "neither root nor sudo here"
    sudo='sudo ' how='to install them:'
    if sudo -n true 2>/dev/null; then
        rights='sudo -n'
    elif [ -t 0 ] && [ -t 2 ] && sudo -v; then
        rights=sudo
    else
        give_up "sudo asks for a password and nobody is there to type it"
    fi
fi
command -v apt-get >/dev/null || give_up "no apt-get on this system"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "setup: installing$missing" >&2
# shellcheck disable=SC2086 # $missing is a list of words
if ! apt install --no-install-recommends $missing; then
    # the package lists are missing or old
    { apt update && apt install --no-install-recommends $missing; } || {
        { grep -E '^[A-Za-z-]+: ' "$log" || tail -n 8 "$log"; } | sort -u | sed 's/^/    /' >&2
        give_up "apt-get could not install them (its words are above; is there a network?)"
    }
fi
find_missing
[ -z "$missing" ] || give_up "apt-get installed them, yet they are not found (is another compiler, pkg-config or python3 first in PATH?)"
get_others
