#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"
begin 'データベースの利用者を作り (初回だけ)、スキーマを最新にする。何度実行してもよい' \
    'Makes the users of the database (the first time only) and applies the migrations; may be run again at any time' "$@"
cluster=$(exported ECSClusterArn)
network="awsvpcConfiguration={subnets=[$(exported PrivateSubnet1Id)],securityGroups=[$(exported BatchSecurityGroupId)],assignPublicIp=DISABLED}"
for task in db-bootstrap db-migration; do
    family=$(prefix)-$task
    # ゲートを戻すと、初期設定のタスク定義はなくなる (仕様 11.3)。
    if [[ $task == db-bootstrap ]] &&
        ! aws ecs describe-task-definition --task-definition "$family" >/dev/null 2>&1; then
        continue
    fi
    arn=$(aws ecs run-task --cluster "$cluster" --task-definition "$family" --launch-type FARGATE \
        --network-configuration "$network" --started-by migrate.sh \
        --query 'tasks[0].taskArn' --output text)
    aws ecs wait tasks-stopped --cluster "$cluster" --tasks "$arn"
    code=$(aws ecs describe-tasks --cluster "$cluster" --tasks "$arn" \
        --query 'tasks[0].containers[0].exitCode' --output text)
    echo "$family: $code"
    if [[ $code != 0 ]]; then
        exit 1
    fi
done
