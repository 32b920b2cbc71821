#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
begin '既にある資源をルートのスタックへ取り込む: LogicalId:Property=Value ...。ほかの変更はしない' \
    'Takes existing resources into a root: LogicalId:Property=Value ...; does nothing else' "$@"
run import "$environment" "${root[@]}" "${target[@]}" "${rest[@]}"
