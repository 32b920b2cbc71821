#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
begin 'デプロイしたものが動いているかを調べる。--probe でネットワークの内側からも調べる' \
    'Checks whether what was deployed works; --probe looks from inside the network, too' "$@"
run smoke "$environment" "${root[@]}" "${target[@]}" "${rest[@]}"
