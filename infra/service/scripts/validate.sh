#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
optional=environment
begin 'すべてのテンプレートとパラメータを検査する (--env で 1 つの環境だけ)。認証情報は要らない' \
    'Checks every template with every value (--env: of one environment); needs no credentials' "$@"
run check ${environment:+--env "$environment"} "${root[@]}" "${rest[@]}"
