#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
begin 'スタックの状態に合った方法で、失敗した操作を元に戻す' \
    'Takes back a failed operation in the way that the state of the stack admits' "$@"
run recover "$environment" "${root[@]}" "${target[@]}" || true
run rollback "$environment" "${root[@]}" "${target[@]}" "${rest[@]}"
