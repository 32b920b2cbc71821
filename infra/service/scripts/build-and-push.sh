#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
begin '3 つのイメージを作り、今のコミットをタグにして ECR に登録する。登録済みのものは作らない' \
    'Builds the three images and pushes them to ECR, tagged with this commit; those that are there are not built again' "$@"
top=$(git -C "$project" rev-parse --show-toplevel)
tag=$(git -C "$top" rev-parse HEAD)
if ! grep -q "\"$tag\"" "$project/parameters/$environment.json"; then
    echo "parameters/$environment.json の …ImageTag が $tag ではありません / the …ImageTag parameters are not this commit" >&2
    exit 1
fi
for program in staff_api:StaffApi vendor_api:VendorApi batch:Batch; do
    uri=$(exported "${program#*:}RepositoryUri")
    if aws ecr describe-images --repository-name "${uri#*/}" --image-ids "imageTag=$tag" >/dev/null 2>&1; then
        echo "$uri:$tag"
        continue
    fi
    # パスワードは標準入力で渡す。/ No secret on a command line.
    aws ecr get-login-password | docker login --username AWS --password-stdin "${uri%%/*}"
    docker build --file "$top/services/${program%:*}/Dockerfile" --tag "$uri:$tag" "$top"
    docker push "$uri:$tag"
done
