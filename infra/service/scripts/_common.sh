# shellcheck shell=bash
# 各スクリプトが読み込む共通部分。/ What every script here begins with.
#
#   begin "日本語の説明" "English description" "$@"
#   run COMMAND ARGUMENT...        kumiki を実行し、出力を changeset-logs/ に残す / runs kumiki, keeps a log
#
# begin は environment、root、target、rest を設定する。ほかの引数は rest に入り、そのまま kumiki に渡る。
set -euo pipefail

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# 引数のないときに参照されるものもあるので、先に決めておく。
environment='' root=() target=(--target aws) rest=()
# aws が使うリージョン。kumiki は kumiki.toml から知る。/ For aws; kumiki knows it from kumiki.toml.
export AWS_REGION=${AWS_REGION:-ap-northeast-1}

begin() {
    local ja=$1 en=$2
    shift 2
    while (($#)); do
        case $1 in
            -h | --help)
                printf '%s --env ENV [--root NAME] [--target local|aws] [--project DIR] [...]\n\n%s\n%s\n' \
                    "${0##*/}" "$ja" "$en"
                exit 0
                ;;
            --env) environment=${2:?'--env ENV'} && shift 2 ;;
            --root) root=(--root "${2:?'--root NAME'}") && shift 2 ;;
            --target) target=(--target "${2:?'--target local|aws'}") && shift 2 ;;
            --project) project=$(cd "${2:?'--project DIR'}" && pwd) && shift 2 ;;
            # aws と kumiki の両方が環境変数から読む。/ Both aws and kumiki read these from the environment.
            --profile) export AWS_PROFILE=${2:?'--profile NAME'} && shift 2 ;;
            --endpoint-url) export AWS_ENDPOINT_URL=${2:?'--endpoint-url URL'} && shift 2 ;;
            *) rest+=("$1") && shift ;;
        esac
    done
    if [[ -z $environment && ${optional:-} != environment ]]; then
        echo "${0##*/}: --env ENV が要ります / is missing" >&2
        exit 2
    fi
}

# kumiki を探す: 変数 KUMIKI、PATH、このリポジトリで作ったもの
kumiki() {
    local program=${KUMIKI:-} built
    if [[ -z $program ]] && ! program=$(type -P kumiki); then
        for built in "$(git -C "$project" rev-parse --show-toplevel 2>/dev/null)"/target/{release,debug}/kumiki; do
            if [[ -x $built ]]; then
                program=$built
                break
            fi
        done
    fi
    if [[ -z $program ]]; then
        echo 'kumiki が見つかりません。KUMIKI か PATH で示してください / kumiki is not found: name it with KUMIKI or PATH' >&2
        return 2
    fi
    "$program" "$@"
}

# 終了コードは kumiki のもの: 1 失敗、2 実行できない、3 変更なし、4 ガードが止めた
run() {
    local log
    log=$project/changeset-logs/$(date -u +%Y%m%dT%H%M%SZ)-${environment:-all}-$(basename "$0" .sh).log
    mkdir -p "${log%/*}"
    kumiki "$@" --project "$project" 2>&1 | tee "$log"
}

# この環境のエクスポートの値 / the value of an export of this environment
exported() {
    local name
    name=$(prefix)-$1
    aws cloudformation list-exports --query "Exports[?Name=='$name'].Value" --output text
}

# 名前の接頭辞 (仕様 6.2) / what names begin with
prefix() {
    local parameters=$project/parameters/$environment.json
    printf '%s-%s' \
        "$(sed -n 's/.*"ProjectName", "ParameterValue": "\([^"]*\)".*/\1/p' "$parameters")" "$environment"
}
