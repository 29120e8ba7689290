# The lab, the scripts that stand on it and the end-to-end tests: run by scripts/check, not by make check, because they need root.
EXTRA_DIST += .ci/run scripts/check scripts/demo scripts/lab \
	scripts/lib/build.sh scripts/lib/build_and_stage scripts/lib/common.sh scripts/lib/demo_steps scripts/lib/fuzz_one \
	scripts/lib/in_tree scripts/lib/packages.sh scripts/lib/steps.sh \
	tests/e2e/conftest.py tests/e2e/lab.py tests/e2e/test_login.py tests/e2e/test_ways.py \
	scripts/lib/lab/outside.py scripts/lib/lab/world.py scripts/lib/lab/machine.py scripts/lib/lab/reaper.py \
	scripts/lib/lab/system.py scripts/lib/lab/people.py scripts/lib/lab/deployment.py scripts/lib/lab/device_log.py \
	scripts/lib/lab/agent_status.py scripts/lib/lab/next_policy.py scripts/lib/lab/enter scripts/lib/lab/daemon scripts/lib/lab/bashrc \
	scripts/lib/lab/bin/as scripts/lib/lab/bin/on scripts/lib/lab/bin/poll scripts/lib/lab/bin/lab-agent \
	scripts/lib/lab/bin/lab-sshd scripts/lib/lab/bin/lab-service scripts/lib/lab/bin/lab-net \
	scripts/lib/lab/bin/lab-policy scripts/lib/lab/bin/lab-certificate
