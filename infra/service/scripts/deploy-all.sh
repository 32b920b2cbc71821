#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
begin 'すべてのルートを依存の順にデプロイする。途中からでも、同じ命令で続きを行う' \
    'Deploys every root in the order of dependencies; run it again and it goes on where it was' "$@"
run deploy-all "$environment" "${target[@]}" "${rest[@]}"
