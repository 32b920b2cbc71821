#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
begin '確認した変更セットを実行し、終わるまで待つ' \
    'Executes the change set that was reviewed, and waits for its end' "$@"
run changeset execute "$environment" "${root[@]}" "${target[@]}" "${rest[@]}"
