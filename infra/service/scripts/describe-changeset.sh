#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
begin '変更セットを計画と並べて示す。ガードが止めるものがあれば終了コード 4' \
    'Shows a change set beside the plan; exits with 4 when a guard stops it' "$@"
run changeset describe "$environment" "${root[@]}" "${target[@]}" "${rest[@]}"
