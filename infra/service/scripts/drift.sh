#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
begin 'テンプレートと実物の違いを、子スタックも含めて調べる' \
    'Compares the resources that exist with the templates, nested stacks included' "$@"
run drift "$environment" "${root[@]}" "${target[@]}" "${rest[@]}"
