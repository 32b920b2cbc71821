#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
begin 'テンプレートに書けない設定を行う。済んでいるものには触れない' \
    'Sets what templates cannot say; what is so already is left alone' "$@"
run post-deploy "$environment" "${root[@]}" "${target[@]}" "${rest[@]}"
