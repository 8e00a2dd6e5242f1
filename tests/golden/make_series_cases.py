#!/usr/bin/python3
"""Writes data/series_*.safetensors and data/dlinear.safetensors: the models for series in double precision.

An oracle of its own, in PyTorch: reversible instance normalisation after Kim et al. (2022), patches, positions and head
after Nie et al. (2023, PatchTST), DLinear after Zeng et al. (2023), and between them Mamba and EinFFT as the published
SiMBA code computes them, which is checked first against the cases in data/ that the published code wrote. Parameters
and inputs are float32 numbers, results are computed from them in float64 and rounded; metadata "model" is the "model"
object of a configuration. A case whose arguments of ReLU, soft shrink or |x| come near the kink, where float32 may fall
on the other side, is drawn again from the next seed. Needs Debian's python3-torch; run it in any folder."""
import json
import math
import pathlib
import struct

import numpy
import torch
import torch.nn.functional as F

DATA = pathlib.Path(__file__).resolve().parent / "data"
KINK_DISTANCE = 1e-5
BATCH = 2
torch.set_num_threads(1)


# ---- files


def write(name, metadata, tensors):
    header, blocks, place = {"__metadata__": metadata}, [], 0
    for key, value in tensors.items():
        block = numpy.ascontiguousarray(value, numpy.float32).tobytes()
        header[key] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [place, place + len(block)]}
        place += len(block)
        blocks.append(block)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    (DATA / f"{name}.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blocks))
    print(f"{name}: seed {metadata['seed']}, {8 + len(text) + place} bytes; {metadata['float32_vs_float64']}")


def read(name):
    raw = (DATA / f"{name}.safetensors").read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + length])
    tensors = {}
    for key, entry in header.items():
        if key != "__metadata__":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            values = numpy.frombuffer(raw[begin:end], numpy.float32).astype(numpy.float64)
            tensors[key] = torch.from_numpy(values.reshape(entry["shape"]))
    return tensors


# ---- the models: functions of a dictionary of parameters


class Model:
    """The forward pass, with what it meets on the way: intermediate results and the distance from every kink."""

    def __init__(self, config, parameters):
        self.config, self.p = config, parameters
        self.mid, self.kink, self.kink_inputs = {}, math.inf, 0

    def meet(self, distance):
        self.kink = min(self.kink, float(distance.detach().min()))
        self.kink_inputs += distance.numel()

    def layer_norm(self, name, x, epsilon):
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + epsilon)
        return scaled * self.p[f"{name}.weight"] + self.p[f"{name}.bias"]

    def linear(self, name, x):
        return x @ self.p[f"{name}.weight"].T + self.p[f"{name}.bias"]

    def mamba(self, name, x):
        p = {key[len(name) :]: value for key, value in self.p.items() if key.startswith(name)}
        length, inner, states = x.shape[1], p["A_log"].shape[0], p["A_log"].shape[1]
        u, z = (x @ p["in_proj.weight"].T).split(inner, -1)
        taps = p["conv1d.weight"].shape[-1]
        u = F.conv1d(F.pad(u.transpose(1, 2), (taps - 1, 0)), p["conv1d.weight"], p["conv1d.bias"], groups=inner)
        u = F.silu(u.transpose(1, 2))
        rank = p["dt_proj.weight"].shape[1]
        delta, b, c = (u @ p["x_proj.weight"].T).split([rank, states, states], -1)
        delta = F.softplus(delta @ p["dt_proj.weight"].T + p["dt_proj.bias"])
        a, state, outputs = -torch.exp(p["A_log"]), 0, []
        for t in range(length):
            decay = torch.exp(delta[:, t, :, None] * a)
            state = decay * state + (delta[:, t] * u[:, t])[..., None] * b[:, t, None, :]
            outputs.append((state * c[:, t, None, :]).sum(-1))
        y = (torch.stack(outputs, 1) + p["D"] * u) * F.silu(z)
        return y @ p["out_proj.weight"].T

    def einfft(self, name, x):
        rows, tokens, dim = x.shape
        x = torch.fft.fft2(x.view(rows, tokens, 4, dim // 4), dim=(1, 2), norm="ortho")
        real, imaginary = x.real, x.imag
        for layer in (1, 2):
            weight, bias = self.p[f"{name}complex_weight_{layer}"], self.p[f"{name}complex_bias_{layer}"]

            def times(part, which):
                return torch.einsum("rnbd,bdk->rnbk", part, weight[which])

            real, imaginary = (
                times(real, 0) - times(imaginary, 1) + bias[0],
                times(real, 1) + times(imaginary, 0) + bias[1],
            )
            for part in (real, imaginary):
                self.meet(part.abs() if layer == 1 else (part.abs() - 0.01).abs())
            if layer == 1:
                real, imaginary = F.relu(real), F.relu(imaginary)
        y = torch.complex(F.softshrink(real, 0.01), F.softshrink(imaginary, 0.01))
        return torch.fft.ifft2(y, dim=(1, 2), norm="ortho").real.reshape(rows, tokens, dim)

    def mlp(self, name, x):
        return self.linear(f"{name}fc2", F.gelu(self.linear(f"{name}fc1", x)))

    def block(self, name, x):
        y = self.layer_norm(f"{name}attn.norm", x, 1e-5)
        mixed = self.mamba(f"{name}attn.mamba.", y)
        if self.config["bidirectional"]:
            mixed = mixed + self.mamba(f"{name}attn.mamba_reverse.", y.flip(1)).flip(1)
        x = x + mixed
        y = self.layer_norm(f"{name}norm2", x, 1e-6)
        return x + (self.einfft if self.config["mixer"] == "einfft" else self.mlp)(f"{name}mlp.", y)

    def series(self, x):
        """Scaled windows [B, C, L] to scaled forecasts [B, C, horizon]."""
        config = self.config
        x = F.pad(x, (0, config["end_padding"]), mode="replicate")
        x = x.unfold(-1, config["patch"], config["stride"])  # [B, C, P, patch]
        batch, channels, tokens, patch = x.shape
        if config["mix_channels"]:
            x = x.transpose(1, 2).reshape(batch, tokens, channels * patch)
        else:
            x = x.reshape(batch * channels, tokens, patch)
        self.mid["patches"] = x
        x = self.linear("patch_embed", x) + self.p["position"]
        for block in range(config["depth"]):
            x = self.mid[f"blocks.{block}"] = self.block(f"blocks.{block}.", x)
        if self.config["final_norm"]:
            x = self.layer_norm("norm", x, 1e-6)
        x = x.mean(1) if config["head"] == "mean" else x.flatten(1)
        return self.linear("head", x).view(batch, channels, config["horizon"])

    def dlinear(self, x):
        reach = self.config["kernel"] // 2
        trend = F.avg_pool1d(F.pad(x, (reach, reach), mode="replicate"), self.config["kernel"], 1)
        return self.linear("Linear_Seasonal", x - trend) + self.linear("Linear_Trend", trend)

    def forecast(self, window):
        x = window.transpose(1, 2)
        mean, deviation = 0, 1
        if self.config["normalise"] != "none":
            mean = x.mean(-1, keepdim=True)
        if self.config["normalise"] == "instance":
            deviation = torch.sqrt(x.var(-1, unbiased=False, keepdim=True) + 1e-5)
        y = (self.series if self.config["architecture"] == "series" else self.dlinear)((x - mean) / deviation)
        return (y * deviation + mean).transpose(1, 2)

    def loss(self, forecast, truth, loss):
        error = forecast - truth
        if loss["features"] == "MS":
            error = error[..., -1]
        if loss["kind"] == "mse":
            return (error**2).mean()
        if loss["kind"] == "mae":
            self.meet(error.abs())
            return error.abs().mean()
        delta = loss["delta"]
        return torch.where(error.abs() <= delta, error**2 / 2, delta * (error.abs() - delta / 2)).mean()


def shapes(config):
    """Names and shapes of the parameters."""
    channels, horizon = config["channels"], config["horizon"]
    if config["architecture"] == "dlinear":
        return {
            f"Linear_{part}.{kind}": shape
            for part in ("Seasonal", "Trend")
            for kind, shape in (("weight", (horizon, config["look_back"])), ("bias", (horizon,)))
        }
    dim, states = config["dim"], config["d_state"]
    inner, rank = config["expand"] * dim, -(-dim // 16)
    tokens = (config["look_back"] + config["end_padding"] - config["patch"]) // config["stride"] + 1
    mixed = channels if config["mix_channels"] else 1
    result = {"patch_embed.weight": (dim, mixed * config["patch"]), "patch_embed.bias": (dim,)}
    result["position"] = (tokens, dim)
    for block in range(config["depth"]):
        at = f"blocks.{block}."
        result |= {f"{at}attn.norm.weight": (dim,), f"{at}attn.norm.bias": (dim,)}
        for mamba in ("mamba", "mamba_reverse") if config["bidirectional"] else ("mamba",):
            result |= {
                f"{at}attn.{mamba}.A_log": (inner, states),
                f"{at}attn.{mamba}.D": (inner,),
                f"{at}attn.{mamba}.in_proj.weight": (2 * inner, dim),
                f"{at}attn.{mamba}.conv1d.weight": (inner, 1, config["d_conv"]),
                f"{at}attn.{mamba}.conv1d.bias": (inner,),
                f"{at}attn.{mamba}.x_proj.weight": (rank + 2 * states, inner),
                f"{at}attn.{mamba}.dt_proj.weight": (inner, rank),
                f"{at}attn.{mamba}.dt_proj.bias": (inner,),
                f"{at}attn.{mamba}.out_proj.weight": (dim, inner),
            }
        result |= {f"{at}norm2.weight": (dim,), f"{at}norm2.bias": (dim,)}
        if config["mixer"] == "einfft":
            for layer in (1, 2):
                result[f"{at}mlp.complex_weight_{layer}"] = (2, 4, dim // 4, dim // 4)
                result[f"{at}mlp.complex_bias_{layer}"] = (2, 4, dim // 4)
        else:
            hidden = int(dim * config["mlp_ratio"])
            result |= {f"{at}mlp.fc1.weight": (hidden, dim), f"{at}mlp.fc1.bias": (hidden,)}
            result |= {f"{at}mlp.fc2.weight": (dim, hidden), f"{at}mlp.fc2.bias": (dim,)}
    features = dim if config["head"] == "mean" else tokens * dim
    if config["final_norm"]:
        result |= {"norm.weight": (dim,), "norm.bias": (dim,)}
    return result | {"head.weight": (mixed * horizon, features), "head.bias": (mixed * horizon,)}


def draw_parameter(random, name, shape):
    """None is left at a value where an error would hide."""
    n = random.standard_normal(shape)
    if name.endswith("A_log"):
        return numpy.log(numpy.arange(1, shape[1] + 1)) + 0.1 * n
    if name.endswith(".D"):
        return 1 + 0.3 * n
    if name.endswith("dt_proj.bias"):
        delta = numpy.exp(random.uniform(math.log(0.005), math.log(0.5), shape))
        return delta + numpy.log(-numpy.expm1(-delta))
    if name == "position":
        return 0.3 * n
    if "complex_weight" in name:
        return 0.7 * n / math.sqrt(shape[-1])
    if "complex_bias" in name or name.endswith("bias"):
        return 0.1 * n
    if "norm" in name:
        return 1 + 0.25 * n
    return n / math.sqrt(numpy.prod(shape[1:]))


def draw_window(random, config):
    """Waves with noise; each channel has a level of its own, and the first one so little deviation that its epsilon
    shows."""
    rows = config["look_back"] + config["horizon"]
    t = numpy.arange(rows)[None, :, None]
    phase = random.uniform(0, 6, (BATCH, 1, config["channels"]))
    x = numpy.sin(t / 3 + phase) + 0.3 * random.standard_normal((BATCH, rows, config["channels"]))
    size = numpy.array([0.01] + [1.5] * (config["channels"] - 1))
    level = numpy.array([0.3] + [(-1) ** c * 0.8 for c in range(1, config["channels"])])
    x = (x * size + level).astype(numpy.float32)
    return x[:, : config["look_back"]], x[:, config["look_back"] :]


# ---- cases


def as_parameters(values, dtype):
    return {name: torch.tensor(value, dtype=dtype, requires_grad=True) for name, value in values.items()}


def run_pass(config, loss, values, window, truth, dtype):
    model = Model(config, as_parameters(values, dtype))
    window, truth = (torch.from_numpy(x).to(dtype) for x in (window, truth))
    forecast = model.forecast(window)
    value = model.loss(forecast, truth, loss)
    value.backward()
    results = {"eval/out/forecast": forecast, "train/out/forecast": forecast, "train/loss": value.reshape(1)}
    results |= {f"eval/mid/{name}": mid for name, mid in model.mid.items()}
    results |= {f"train/grad/param/{name}": parameter.grad for name, parameter in model.p.items()}
    return model, results


def run_steps(config, loss, values, window, truth, dtype, steps=6):
    parameters = as_parameters(values, dtype)
    exempt = [p for name, p in parameters.items() if p.ndim < 2 or name.endswith(".bias") or name == "position"]
    decayed = [p for p in parameters.values() if not any(p is other for other in exempt)]
    groups = [{"params": decayed, "weight_decay": 0.05}, {"params": exempt, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.999), eps=1e-8)
    model = Model(config, parameters)
    window, truth = (torch.from_numpy(x).to(dtype) for x in (window, truth))
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        value = model.loss(model.forecast(window), truth, loss)
        value.backward()
        optimiser.step()
        losses.append(value.detach())
    results = {"out/losses": torch.stack(losses), "out/forecast_after": model.forecast(window)}
    results |= {f"out/{name}_after": p for name, p in parameters.items() if name in AFTER}
    return model, results


AFTER = ("position", "head.weight", "blocks.0.attn.mamba.A_log", "blocks.1.mlp.complex_weight_2")


def differences(exact, single):
    """As in the metadata of the published code's cases."""
    worst, worst_name, largest = 0, "", 0
    for name, value in exact.items():
        difference = float((value - single[name].double()).abs().max())
        largest = max(largest, difference)
        scale = float(value.abs().max())
        if scale and difference / scale >= worst:
            worst, worst_name = difference / scale, name
    return {"max_abs_diff_f32_f64": largest, "worst_tensor": worst_name, "worst_diff_over_tensor_max": worst}


def make_case(name, seed, config, loss, run=run_pass, **metadata):
    while True:
        random = numpy.random.RandomState(seed)
        values = {key: draw_parameter(random, key, shape) for key, shape in shapes(config).items()}
        values = {key: value.astype(numpy.float32) for key, value in values.items()}
        window, truth = draw_window(random, config)
        model, exact = run(config, loss, values, window, truth, torch.float64)
        if model.kink >= KINK_DISTANCE:
            break
        seed += 1
    single = run(config, loss, values, window, truth, torch.float32)[1]
    note = differences(exact, single)
    if model.kink_inputs:
        note |= {"kink_inputs": model.kink_inputs, "kink_min_distance": model.kink}
    metadata |= {
        "model": json.dumps(config),
        "loss": loss["kind"] + (f" delta={loss['delta']}" if "delta" in loss else ""),
        "features": loss["features"],
        "seed": str(seed),
        "oracle": "float64 rounded to F32",
        "float32_vs_float64": json.dumps(note),
    }
    tensors = {"in/window": window, "in/truth": truth}
    tensors |= {f"param/{key}": value for key, value in values.items()}
    write(name, metadata, tensors | {key: value.detach().numpy() for key, value in exact.items()})


def check_parts():
    """The parts that SiMBA's published code has, against its own numbers."""
    for name, part in (("op_einfft_d16_n12", Model.einfft), ("op_mamba_d16_n64_l25", Model.mamba)):
        case = read(name)
        model = Model({}, {key[len("param/") :]: value for key, value in case.items() if key.startswith("param/")})
        error = float((part(model, "", case["in/x"]) - case["out/y"]).abs().max() / case["out/y"].abs().max())
        print(f"{name}: the oracle differs by {error:.1e} of the largest value")
        assert error < 1e-7, name  # the file's rounding to float32


SERIES = {
    "architecture": "series", "look_back": 24, "horizon": 5, "channels": 3, "normalise": "instance",
    "mix_channels": False, "patch": 4, "stride": 2, "end_padding": 2, "dim": 20, "depth": 2, "mixer": "einfft",
    "mlp_ratio": 2, "bidirectional": False, "final_norm": True, "d_state": 5, "d_conv": 4, "expand": 2,
    "head": "flatten", "dropout": 0, "head_dropout": 0, "drop_path": 0,
}  # fmt: skip


def main():
    check_parts()
    squared = {"kind": "mse", "features": "M"}
    # 12 tokens, as 96 rows in PatchTST's patches make
    make_case("series_einfft", 11, SERIES, squared)
    # windows that the stride does not divide, the last patch partly in the padding; the losses' both branches
    mixed = {"mix_channels": True, "bidirectional": True, "head": "mean", "mixer": "mlp", "mlp_ratio": 1.5}
    mixed |= {"look_back": 20, "patch": 5, "stride": 3, "end_padding": 4, "dim": 18, "d_conv": 3, "depth": 1}
    make_case("series_mlp_bidirectional_mixed", 21, SERIES | mixed, {"kind": "huber", "features": "M", "delta": 0.4})
    # four patches side by side, one value of the window in none of them
    plain = {"normalise": "none", "look_back": 21, "patch": 5, "stride": 5, "end_padding": 0, "dim": 12, "expand": 3}
    plain |= {"final_norm": False, "depth": 1}
    make_case("series_plain", 31, SERIES | plain, {"kind": "mae", "features": "MS"})
    linear = {"architecture": "dlinear", "look_back": 16, "horizon": 7, "channels": 3, "normalise": "none", "kernel": 9}
    make_case("dlinear", 41, linear, squared)
    make_case("dlinear_mean", 42, linear | {"normalise": "mean"}, squared)
    train = "6 steps on one batch, AdamW lr 1e-3 betas (0.9,0.999) eps 1e-8; weight decay 0.05 except 1-D tensors, "
    train += "names ending in .bias and position; then the forecast"
    make_case("series_train6", 51, SERIES | {"dim": 12}, squared, run_steps, train=train)


if __name__ == "__main__":
    main()
