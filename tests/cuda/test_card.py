"""The CUDA module as nvcc and the linker made it: it loads, it fits this build, and it lists devices, or says in the words
of CUDA's driver why there is none. Nothing else is accepted: an undefined symbol shows only here.
Usage: test_card.py SIMBA MODULE"""
import json, os, subprocess, sys

simba, module = sys.argv[1:]
environment = dict(os.environ, SIMBA_CUDA_MODULE=module)
found = subprocess.run([simba, "devices", "--json"], capture_output=True, text=True, timeout=120, env=environment)
text = found.stdout + found.stderr
assert found.returncode == 0, text
devices = [device for device in json.loads(found.stdout)["devices"] if device["backend"] == "cuda"]
for device in devices:
    print(device["name"], "usable" if device["usable"] else device["reason"])
    assert device["name"] and device["reason"], device
if not devices:
    asked = subprocess.run([simba, "bench", "--device", "cuda"], capture_output=True, text=True, timeout=120, env=environment)
    print(asked.stderr)
    assert asked.returncode == 1, asked
    assert "There is no CUDA device. The CUDA driver reports no device: " in asked.stderr, asked.stderr
    assert "(cudaErrorNoDevice)" in asked.stderr or "(cudaErrorInsufficientDriver)" in asked.stderr, asked.stderr
