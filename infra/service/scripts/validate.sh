#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
optional=environment
begin 'すべてのテンプレートとパラメータを検査する (--env で 1 つの環境だけ)。認証情報は要らない' \
    'Checks every template with every value (--env: of one environment); needs no credentials' "$@"
failed=()
run check ${environment:+--env "$environment"} "${root[@]}" "${rest[@]}" || failed+=(kumiki)

# ほかの人が書いた検査も、入っていれば行う。/ Checks that others wrote, where they are installed.
also() {
    if ! type -P "$1" >/dev/null; then
        echo "$1: 入っていないので行わない / not installed, left out"
    elif ! "$@"; then
        failed+=("$1")
    fi
}
cd "$project"
also cfn-lint --ignore-checks W3002 -r ap-northeast-1 -- \
    stack.yaml nested/*/*.yaml bootstrap/stack.yaml rotation/stack.yaml
also cfn-lint -r us-east-1 -- edge/stack.yaml
also cfn-lint -r ap-northeast-3 -- dr/stack.yaml
also checkov --directory . --framework cloudformation --skip-download --compact --quiet
also shellcheck --external-sources scripts/[a-z]*.sh
echo "失敗 / failed: ${failed[*]:-0}"
((${#failed[@]} == 0))
