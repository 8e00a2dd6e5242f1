"""tools/test.sh with lanes of this test's own: what is counted, and what the exit code is, when lanes pass, fail, are
skipped, do not build, are killed or are interrupted. Usage: test_lanes.py SOURCE_DIRECTORY"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(sys.argv.pop(1))

# Stands in for meson: `meson test` writes the log that the variable LOG names lines of, and ends as STATUS says.
MESON = """#!/bin/sh
[ "$1" = test ] || exit 0
while [ "$1" != --logbase ]; do shift; done
[ -z "${LOG:-}" ] || { mkdir -p build/meson-logs; printf '%b' "$LOG" >"build/meson-logs/$2.json"; }
[ -z "${KILLED:-}" ] || kill -9 $$
exit ${STATUS:-0}
"""
NINJA = """#!/bin/sh
[ "$2" != broken ] || { echo FAILED: x.o; exit 1; }
echo built
"""
LANES = r"""
ok='{"name": "a", "result": "OK"}\n' bad='{"name": "b", "result": "TIMEOUT"}\n' no='{"name": "c", "result": "SKIP"}\n'
fine() { build build; run_tests build '' LOG="$ok$ok$no"; }
lane fine quick 1 '' 'two pass, one is skipped' fine
failing() { run_tests build '' LOG="$ok$bad" STATUS=1; }
lane failing full 1 '' 'one of two fails' failing
unbuilt() { build broken; run_tests build '' LOG="$ok"; }
lane unbuilt full 1 '' 'does not build' unbuilt
killed() { run_tests build '' LOG="$ok" KILLED=1; }
lane killed full 1 '' 'meson is killed after a test' killed
cut_off() { run_tests build '' LOG="$ok"'{"name": "d", "res' KILLED=1; }
lane cut asked 1 '' 'meson is killed while it writes' cut_off
empty() { run_tests build ''; }
lane empty asked 1 '' 'runs no test' empty
absent() { skip 'it needs what is not there'; echo 'not reached'; }
lane absent asked 1 'no-such-package' 'skips itself' absent
itself() { sh -c 'kill -9 $PPID'; }
lane itself asked 1 '' 'is killed' itself
endless() { touch started; sleep 60; }
lane endless asked 1 '' 'is interrupted' endless
"""


class Lanes(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        (self.root / "tools/lanes").mkdir(parents=True)
        for name in ("test.sh", "packages.sh", "count_tests.py"):
            shutil.copy(SOURCE / "tools" / name, self.root / "tools" / name)
        (self.root / "tools/lanes/all.sh").write_text(LANES)
        programs = self.root / "programs"
        programs.mkdir()
        for name, text in {"meson": MESON, "ninja": NINJA}.items():
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        self.environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}

    def tearDown(self):
        self.folder.cleanup()

    def run_lanes(self, *options):
        result = subprocess.run(["sh", self.root / "tools/test.sh", "--no-install", *options], env=self.environment,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        return result.returncode, result.stdout, result.stdout.splitlines()[-1]

    def test_quick_run_takes_quick_lanes(self):
        code, text, last = self.run_lanes("--quick")
        self.assertEqual((code, last), (0, "2 passed, 0 failed, 1 skipped"), text)

    def test_whole_run_goes_on_after_failures(self):
        code, text, last = self.run_lanes()
        self.assertEqual((code, last), (1, "4 passed, 3 failed, 1 skipped"), text)
        for line in ("FAILED failing: b", "FAILED unbuilt: it ended with status 1",
                     "FAILED killed: meson test ended with status 137", "FAILED: x.o"):
            self.assertIn(line, text)
        for name in ("cut", "empty", "absent", "itself"):
            self.assertNotIn(f"== {name}", text)

    def test_lanes_that_fail_count(self):
        for name, passed, line in (("cut", 1, "FAILED cut: line 2 of the log, which is cut off"),
                                   ("empty", 0, "FAILED empty: meson test ran nothing"),
                                   ("itself", 0, "FAILED itself: it ended with status 137")):
            with self.subTest(name):
                code, text, last = self.run_lanes("--lane", name)
                self.assertEqual((code, last), (1, f"{passed} passed, 1 failed, 0 skipped"), text)
                self.assertIn(line, text)

    def test_skipped_lane_is_counted_and_said(self):
        code, text, last = self.run_lanes("--lane", "absent", "--lane", "fine")
        self.assertEqual((code, last), (0, "2 passed, 0 failed, 2 skipped"), text)
        self.assertIn("skipped: it needs what is not there", text)
        self.assertNotIn("not reached", text)

    def test_nothing_passed_is_a_failure(self):
        self.assertEqual(self.run_lanes("--lane", "absent")[0], 1)

    def test_interrupted_lane_is_counted(self):
        process = subprocess.Popen(["sh", self.root / "tools/test.sh", "--no-install", "--lane", "endless"],
                                   env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   start_new_session=True)
        while not (self.root / "started").exists() and process.poll() is None:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        text = process.communicate(timeout=60)[0]
        self.assertEqual((process.returncode, text.splitlines()[-1]), (130, "0 passed, 1 failed, 0 skipped"), text)
        self.assertIn("FAILED endless: it did not end", text)

    def test_unknown_lane_is_refused_with_those_there_are(self):
        code, text, _ = self.run_lanes("--lane", "fin")
        self.assertEqual(code, 2)
        self.assertIn("fine failing unbuilt", text)
        self.assertIn('found "fin"', text)

    def test_list_tells_what_a_lane_needs(self):
        code, text, last = self.run_lanes("--lanes")
        self.assertEqual(code, 0)
        self.assertIn("skips itself; no-such-package", text)


if __name__ == "__main__":
    unittest.main()
