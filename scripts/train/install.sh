#!/bin/sh
# Everything the scripts need, on Debian 12 (run as root, or with sudo).
set -e
apt-get update
apt-get install -y --no-install-recommends \
    espeak-ng libespeak-ng1 flite festival ffmpeg \
    festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts festvox-italp16k \
    festvox-itapc16k festvox-suopuhe-lj festvox-suopuhe-mv festvox-ca-ona-hts \
    festvox-ru festvox-czech-krb \
    asterisk-core-sounds-en-g722 asterisk-core-sounds-es-g722 \
    asterisk-core-sounds-fr-g722 asterisk-core-sounds-it-g722 \
    asterisk-core-sounds-ru-g722
# torch is also Debian's python3-torch; pyworld needs pkg_resources of setuptools < 81
python3 -m pip install numpy torch "setuptools<81" pyworld praat-parselmouth
