#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
environment=dev
begin 'dev のすべてのルートを削除する。ほかの環境は受け付けない' \
    'Deletes every root of dev, and refuses any other environment' "$@"
if [[ $environment != dev ]]; then
    echo "${0##*/}: dev だけです / dev only" >&2
    exit 2
fi
run teardown dev --confirm dev "${target[@]}" "${rest[@]}"
