#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
begin 'デプロイに必要なものがアカウントにそろっているかを調べる' \
    'Checks whether the account has what a deployment needs' "$@"
run preflight "$environment" "${root[@]}" "${target[@]}" "${rest[@]}"
