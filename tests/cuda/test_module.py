"""The search for CUDA devices: what is listed, what is chosen, and what is said where there is none.
Usage: test_module.py SIMBA EMULATED-MODULE LIBRARY GOLDEN-CASE OTHER-VERSION OTHER-COMMIT OTHER-STRUCT"""
import json, os, pathlib, shutil, subprocess, sys, tempfile

SIMBA, EMULATED, LIBRARY, CASE, *STALE = sys.argv[1:]
failures = 0


def run(*words, module=None, **variables):
    environment = {key: value for key, value in os.environ.items() if key != "SIMBA_CUDA_MODULE"}
    environment.update({"SIMBA_CUDA_MODULE": module} if module else {}, **variables)
    return subprocess.run([SIMBA, *words], capture_output=True, text=True, timeout=120, env=environment)


def check(name, result, code, *expected, absent=()):
    global failures
    text = result.stdout + result.stderr
    missing = [part for part in expected if part not in text] + [f"not {part}" for part in absent if part in text]
    if result.returncode == code and not missing:
        return
    failures += 1
    print(f"FAILED {name}: exit code {result.returncode}, expected {code}; missing {missing}\n{text}")


def parity(device, **options):
    return run("parity", "--case", CASE, "--device", device, "--json", **options)


# The device that tests use says what it is, and is nobody's best.
listed = run("devices", "--json", module=EMULATED)
check("list", listed, 0, "emulated on the CPU, no GPU")
devices = json.loads(listed.stdout)["devices"]
cuda = [device for device in devices if device["backend"] == "cuda"]
assert len(cuda) == 1 and cuda[0]["kind"] == "software" and cuda[0]["usable"] and not cuda[0]["preferred"], cuda
assert devices[-1]["backend"] == "cuda" and devices[-2]["backend"] == "cpu", devices
nowhere = {"VK_ICD_FILENAMES": "/nonexistent", "VK_DRIVER_FILES": "/nonexistent"}
listed = json.loads(run("devices", "--json", module=EMULATED, **nowhere).stdout)["devices"]
assert not any(device["preferred"] for device in listed), listed
check("not chosen unasked", run("parity", "--case", CASE, module=EMULATED, **nowhere), 1, "no usable Vulkan device")
check("chosen", parity("cuda", module=EMULATED), 0, "CUDA kernels emulated")
check("chosen by number", parity("cuda:0", module=EMULATED), 0, "CUDA kernels emulated")
check("chosen by index", parity(str(cuda[0]["index"]), module=EMULATED), 0, "CUDA kernels emulated")
check("one too many", parity("cuda:1", module=EMULATED), 1, "no device cuda:1", "from 0 to 0")
check("its name is Vulkan's", parity("CUDA kernels", module=EMULATED), 1, 'No device fits "CUDA kernels"')
check("its UUID is Vulkan's", parity(cuda[0]["uuid"], module=EMULATED), 1, "No device fits")

# A card that does not answer is listed as such, beside the others.
broken = run("devices", "--json", module=EMULATED, CUDA_VISIBLE_DEVICES="0,1")
check("broken card", broken, 0, "CUDA device 1", "its properties are not known: invalid device ordinal")
assert [device["usable"] for device in json.loads(broken.stdout)["devices"] if device["backend"] == "cuda"] == [True, False]
check("beside a broken card", parity("cuda", module=EMULATED, CUDA_VISIBLE_DEVICES="0,1"), 0, "CUDA kernels emulated")
check("the broken card", parity("cuda:1", module=EMULATED, CUDA_VISIBLE_DEVICES="0,1"), 1, "cannot be used: its properties")

# What cannot mean a device of it leaves the module alone: its error would be in the list that is printed, and its name
# in what the linker's loader has to say.
for device, loaded in [("cpu", False), ("no such name", False), ("0", True), ("cuda", True)]:
    found = parity(device, module=EMULATED, LD_DEBUG="files")
    assert (EMULATED in found.stderr) == loaded, (device, found.stderr)

# Where there is none, listing goes on and choosing explains.
for name, device, options, sentence in [
        ("no file", "cuda", {"module": "/nonexistent/libsimba_cuda.so"}, "could not be loaded (SIMBA_CUDA_MODULE"),
        ("no library", "cuda", {"module": CASE}, "could not be loaded (SIMBA_CUDA_MODULE"),
        ("no module", "cuda", {"module": LIBRARY}, "not simba's CUDA module"),
        ("another version", "cuda", {"module": STALE[0]}, "was built with simba 0.0.1"),
        ("another commit", "cuda:1", {"module": STALE[1]}, "(another), and this is simba"),
        ("another struct", "cuda", {"module": STALE[2]}, "shared size 0 is 8 there"),
        ("no device", "cuda", {"module": EMULATED, "CUDA_VISIBLE_DEVICES": ""}, "no CUDA-capable device is detected")]:
    check(name, parity(device, **options), 1, "There is no CUDA device. ", sentence)
    check(f"{name}: list", run("devices", **options), 0, sentence, "C reference", absent=["emulated"])

# An installed simba, alone, and with a file in the place of its module. What comes first where both are missing, module
# or driver, depends on the machine: either is explained.
with tempfile.TemporaryDirectory() as folder:
    installed = pathlib.Path(folder)
    shutil.copy(SIMBA, installed / "simba")
    shutil.copy(LIBRARY, installed / "libsimba.so.0")
    SIMBA = installed / "simba"
    alone = {"LD_LIBRARY_PATH": folder}
    check("alone", parity("cuda", **alone), 1, f"This simba has no CUDA module ({installed.resolve()}/simba/", "-Dcuda=enabled")
    check("alone: list", run("devices", **alone), 0, "C reference", absent=["CUDA"])
    (installed / "simba").rename(installed / "command")
    (installed / "simba").mkdir()
    (installed / "simba" / "libsimba_cuda.so").write_text("not a library")
    SIMBA = installed / "command"
    found = parity("cuda", **alone)
    check("installed", found, 1, "There is no CUDA device. ", absent=["This simba has no CUDA module"])
    assert "There is no NVIDIA driver" in found.stderr or "could not be loaded:" in found.stderr, found.stderr

needs = subprocess.run(["ldd", LIBRARY], capture_output=True, text=True, check=True).stdout
assert "libc.so" in needs and "cuda" not in needs and "cublas" not in needs and "cufft" not in needs, needs
sys.exit(1 if failures else 0)
