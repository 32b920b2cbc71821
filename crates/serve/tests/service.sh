#!/bin/bash
# Creates, updates and deletes the service account with nothing but `aws cloudformation` and `aws s3`.
#
#     service.sh URL PROJECT WORK
#
# `aws` is on the PATH, URL is where `kumiki serve` answers, PROJECT is infra/service, and WORK a folder
# that may be written to. What is printed is what was asked and found; the first surprise ends it.

set -euo pipefail

url=$1 project=$2 work=$3
stack=facility-dev-service
bucket=kumiki-e2e-templates
export AWS_ENDPOINT_URL=$url AWS_ACCESS_KEY_ID=000000000000 AWS_SECRET_ACCESS_KEY=kumiki
export AWS_DEFAULT_REGION=ap-northeast-1 AWS_PAGER='' AWS_CONFIG_FILE=/dev/null
export AWS_SHARED_CREDENTIALS_FILE=/dev/null
cloudformation() { aws cloudformation "$@" --output text; }
status() { cloudformation describe-stacks --stack-name "$1" --query 'Stacks[0].StackStatus'; }
is() { [[ $1 == "$2" ]] || { echo "expected $2, found $1" >&2; exit 1; }; }
say() { printf '%s\n' "$*"; }

say "account $(aws sts get-caller-identity --query Account --output text)"

# 1. Package: nested templates go to the bucket, and the root names them there.
aws s3 mb "s3://$bucket"
mkdir -p "$work"
(cd "$project" && aws cloudformation package --template-file stack.yaml --s3-bucket "$bucket" \
	--output-template-file "$work/packaged.yaml" >/dev/null 2>&1)
aws s3 cp "$work/packaged.yaml" "s3://$bucket/stack.yaml" --quiet
say "packaged $(aws s3 ls "s3://$bucket" | wc -l) objects"
template="$url/$bucket/stack.yaml"
cloudformation validate-template --template-url "$template" --query Capabilities >/dev/null

# 2. Create by a change set that shows what is nested, with the values of the first gate.
# A parameter file with some values changed, as create-change-set takes it, or as deploy does.
parameters() {
	python3 - "$@" <<-'PYTHON'
		import json, sys
		form, file, *changed = sys.argv[1:]
		given = {it["ParameterKey"]: it["ParameterValue"] for it in json.load(open(file))}
		given.update(it.split("=", 1) for it in changed)
		rows = {
		    "api": [{"ParameterKey": name, "ParameterValue": it} for name, it in given.items()],
		    "deploy": [f"{name}={it}" for name, it in given.items()],
		}
		print(json.dumps(rows[form]))
	PYTHON
}
dev=$project/parameters/dev.json
# The roots in other Regions come first: their outputs are read.
for root in edge:us-east-1 dr:ap-northeast-3; do
	name=${root%%:*} region=${root##*:}
	parameters deploy "$project/parameters/roots/$name.dev.json" > "$work/$name.json"
	aws cloudformation deploy --region "$region" --stack-name "facility-dev-$name" \
		--template-file "$project/$name/stack.yaml" --capabilities CAPABILITY_NAMED_IAM \
		--parameter-overrides "file://$work/$name.json" >/dev/null
	is "$(cloudformation describe-stacks --region "$region" --stack-name "facility-dev-$name" \
		--query 'Stacks[0].StackStatus')" CREATE_COMPLETE
done
first=(ServicesEnabled=false PinDesiredCount=true BootstrapOwner=true)
parameters api "$dev" "${first[@]}" > "$work/first.json"
cloudformation create-change-set --stack-name "$stack" --change-set-name first \
	--change-set-type CREATE --include-nested-stacks --template-url "$template" \
	--parameters "file://$work/first.json" --tags Key=Environment,Value=dev \
	--capabilities CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND >/dev/null
cloudformation wait change-set-create-complete --stack-name "$stack" --change-set-name first
nested=$(cloudformation describe-change-set --stack-name "$stack" --change-set-name first \
	--query 'length(Changes[?ResourceChange.ChangeSetId])')
one=$(cloudformation describe-change-set --stack-name "$stack" --change-set-name first \
	--query 'Changes[0].ResourceChange.ChangeSetId')
inside=$(cloudformation describe-change-set --change-set-name "$one" --query 'length(Changes)')
say "change set first: $nested nested change sets, $inside resources in the first of them"
[[ $nested -gt 20 && $inside -gt 0 ]]
cloudformation execute-change-set --stack-name "$stack" --change-set-name first
cloudformation wait stack-create-complete --stack-name "$stack"
is "$(status "$stack")" CREATE_COMPLETE

# 3. Look around.
stacks=$(cloudformation list-stacks --stack-status-filter CREATE_COMPLETE \
	--query 'length(StackSummaries)' | awk '{ sum += $1 } END { print sum }')
outputs=$(cloudformation describe-stacks --stack-name "$stack" --query 'length(Stacks[0].Outputs)')
exports=$(cloudformation list-exports --query 'length(Exports)' | awk '{ sum += $1 } END { print sum }')
say "created: $stacks stacks, $outputs outputs of the root, $exports exports"
export=$(cloudformation list-exports --query 'Exports[0].Name' | awk 'NR == 1')
cloudformation list-imports --export-name "$export" --query 'Imports[0]' >/dev/null ||
	say "export $export is used by nobody"

# 4. The same again has nothing to do, and says so as AWS does.
deploy() {
	aws cloudformation deploy --stack-name "$stack" --template-file "$work/packaged.yaml" \
		--s3-bucket "$bucket" --capabilities CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND \
		--parameter-overrides "file://$1" --tags Environment=dev --no-fail-on-empty-changeset
}
parameters deploy "$dev" "${first[@]}" > "$work/again.json"
again=$(deploy "$work/again.json")
[[ $again == *'No changes to deploy'* ]] || { echo "changes were found: $again" >&2; exit 1; }
# deploy leaves the empty change set behind and names the next one by the second of the clock.
# shellcheck disable=SC2016 # the backticks are JMESPath
empty=$(cloudformation list-change-sets --stack-name "$stack" \
	--query 'Summaries[?Status==`FAILED`].ChangeSetId | [0]')
cloudformation delete-change-set --change-set-name "$empty"
say "deployed again: no changes"

# 5. Open the next gate by an update in place.
parameters deploy "$dev" ServicesEnabled=true PinDesiredCount=true BootstrapOwner=false \
	> "$work/second.json"
deploy "$work/second.json" >/dev/null
is "$(status "$stack")" UPDATE_COMPLETE
say "updated: $(cloudformation describe-stack-events --stack-name "$stack" --max-items 1 \
	--query 'StackEvents[0].ResourceStatus' | awk 'NR == 1')"

# 6. Delete.
cloudformation delete-stack --stack-name "$stack"
cloudformation wait stack-delete-complete --stack-name "$stack"
left=$(cloudformation list-stacks --query "length(StackSummaries[?StackStatus!='DELETE_COMPLETE'])")
say "deleted; $left stacks are left"
