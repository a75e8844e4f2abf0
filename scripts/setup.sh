#!/bin/sh
# Installs what this machine lacks, and only that. Usage: scripts/setup.sh [run|test|dev]
#   run   build and run stylet, convert checkpoints (the default)
#   test  and run the tests; with CI=true the same as dev
#   dev   and clang, sanitizers, formatter, valgrind, shellcheck
# And KISS FFT's source, which the build compiles for wide vectors, into build/third_party; without it things work, slower.
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

# KISS FFT's own source package, by deb-src entries made from the configured deb entries, with package lists of its own:
# nothing of the system is touched, and no rights are needed. apt checks signatures and digests as always.
download_kiss() { # FOLDER
    mkdir -p "$1/lists/partial" "$1/cache/archives/partial" "$1/entries" "$1/got" || return
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
        sed -n 's/^deb\([[:space:]]\)/deb-src\1/p' >"$1/entries/all.list"
    for file in /etc/apt/sources.list.d/*.sources; do
        [ ! -e "$file" ] || sed 's/^Types:.*/Types: deb-src/' "$file" >"$1/entries/${file##*/}" || return
    done
    set -- "$1" apt-get -q -o Dir::State::lists="$1/lists" -o Dir::Cache="$1/cache" -o Dir::Etc::sourcelist=/dev/null \
        -o Dir::Etc::sourceparts="$1/entries" -o APT::Sandbox::User="$(id -un)" -o Acquire::http::Timeout=15 -o Acquire::Retries=0
    folder=$1
    shift
    "$@" update && (cd "$folder/got" && "$@" source --download-only kissfft)
}

get_kiss() {
    kiss=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)/build/third_party/kissfft
    [ ! -e "$kiss/kiss_fft.c" ] && [ ! -e "$kiss.absent" ] && command -v apt-get >/dev/null || return 0
    echo "setup: fetching the source of KISS FFT" >&2
    work=$(mktemp -d) && mkdir -p "$kiss.new"
    if download_kiss "$work" >"$work/log" 2>&1 </dev/null &&
        tar -xf "$work"/got/kissfft_*.orig.tar.* -C "$kiss.new" --strip-components=1 &&
        [ -e "$kiss.new/kiss_fft.c" ] && mv "$kiss.new" "$kiss"; then
        :
    else
        echo "setup: no source of KISS FFT (is there a network?); the front end is slower without. To try again: rm $kiss.absent" >&2
        rm -rf "$kiss.new"
        : >"$kiss.absent"
    fi
    rm -rf "$work"
}

find_missing
if [ -z "$missing" ]; then
    get_kiss
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
get_kiss
