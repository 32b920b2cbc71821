#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
begin 'テンプレートを登録し、変更セットを作る。変更がなければ終了コード 3' \
    'Uploads the templates and makes a change set; exits with 3 when nothing would change' "$@"
run changeset create "$environment" "${root[@]}" "${target[@]}" "${rest[@]}"
