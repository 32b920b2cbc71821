#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
begin '今のスタックとテンプレートの差を示す。何も書き込まない' \
    'Shows how the templates differ from the stacks as they are; writes nothing' "$@"
run plan "$environment" "${root[@]}" "${target[@]}" "${rest[@]}" --against live
