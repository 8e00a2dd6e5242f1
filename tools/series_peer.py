#!/usr/bin/env python3
"""The forecasting model in PyTorch: the peer to time against, and a bench for recipes.

Trains the architecture of `simba_series` on an ETT file by the field's protocol (borders of the ETT hourly sets, scaling
by the training rows, stride 1, every test window) and prints one line of JSON with the test errors at the weights that
validation chose. `--time` prints the median seconds of a training step and of an epoch instead; `--dlinear` and
`--naive` run the baselines that prove the protocol. Needs numpy and PyTorch (Debian: python3-torch), on two cores with
OpenBLAS in front of the reference BLAS (LD_LIBRARY_PATH), or its times would flatter the other side.

The defaults are the recipe for ETTh1 at look-back 96, for all four horizons. On a busy machine two threads wait for each
other in loops; OMP_WAIT_POLICY=passive helps, and `processor_s` is worth more than the seconds on the clock.

  tools/series_peer.py ETTh1.csv --horizon 96 --seed 1
  tools/series_peer.py ETTh1.csv --horizon 96 --batch 128 --time --threads 2
  tools/series_peer.py ETTh1.csv --horizon 96 --dlinear --learning-rate 0.005 --epochs 10 --schedule halving --loss mse

Shapes: B windows, C channels, L look-back, T horizon, R rows (B*C channel-independent, B channel-mixing), P tokens,
D = d_model, E = expand*D, N = d_state, K = D/4 channels of one EinFFT block.
"""
import argparse
import copy
import csv
import json
import math
import os
import resource
import statistics
import sys
import time

import numpy
import torch
import torch.nn.functional as F
from torch import nn

ETT_HOUR_BORDERS = (8640, 11520, 14400)     # ends of the training, validation and test rows


# ---- data
class Series:
    """The scaled rows of a CSV file with a header and a date column; windows(split) gives [windows, C, L + T]."""

    def __init__(self, path, look_back, horizon):
        with open(path, newline="") as file:
            rows = list(csv.reader(file))[1:]
        values = numpy.array([[float(cell) for cell in row[1:]] for row in rows])
        train = values[:ETT_HOUR_BORDERS[0]]
        deviation = train.std(0)
        deviation[deviation == 0] = 1
        self.values = torch.from_numpy(((values - train.mean(0)) / deviation).astype(numpy.float32))
        self.look_back, self.horizon, self.channels = look_back, horizon, values.shape[1]

    def windows(self, split):
        end = ETT_HOUR_BORDERS[split]
        start = ETT_HOUR_BORDERS[split - 1] - self.look_back if split else 0
        return self.values[start:end].unfold(0, self.look_back + self.horizon, 1)


# ---- selective scan
class SelectiveScan(torch.autograd.Function):
    """h_t = exp(delta_t A) h_(t-1) + delta_t u_t B_t, y_t = C_t h_t; u, delta [R,P,E], A [N,E], B, C [R,P,N].

    Groups of rows small enough for the cache; the backward computes a group's states again instead of keeping them.
    Products with B and C are multiplications and sums: several times faster here than batched matrix products."""

    STATES = 1 << 18                        # of one group

    @staticmethod
    def states(u, delta, A, B):
        decay = (delta.unsqueeze(2) * A).exp_()                                 # [r,P,N,E]
        state = (delta * u).unsqueeze(2) * B.unsqueeze(3)
        h, *rest = state.unbind(1)
        for a, x in zip(decay.unbind(1)[1:], rest):
            h = x.addcmul_(a, h)
        return decay, state

    @staticmethod
    def groups(u, A):
        rows = max(1, SelectiveScan.STATES // (u.shape[1] * A.numel()))
        return [slice(i, i + rows) for i in range(0, len(u), rows)]

    @staticmethod
    def forward(ctx, u, delta, A, B, C):
        ctx.save_for_backward(u, delta, A, B, C)
        y = torch.empty_like(u)
        for g in SelectiveScan.groups(u, A):
            state = SelectiveScan.states(u[g], delta[g], A, B[g])[1]
            torch.sum(state.mul_(C[g].unsqueeze(3)), 2, out=y[g])
        return y

    @staticmethod
    def backward(ctx, dy):
        u, delta, A, B, C = ctx.saved_tensors
        du, ddelta, dA = torch.empty_like(u), torch.empty_like(u), torch.zeros_like(A)
        dB, dC = torch.empty_like(B), torch.empty_like(C)
        for g in SelectiveScan.groups(u, A):
            ug, dg, dyg = u[g], delta[g], dy[g].unsqueeze(2)
            decay, state = SelectiveScan.states(ug, dg, A, B[g])
            torch.sum(state * dyg, 3, out=dC[g])
            grad = C[g].unsqueeze(3) * dyg                                      # of the state
            later, *rest = reversed(grad.unbind(1))
            for a, x in zip(reversed(decay.unbind(1)), rest):
                later = x.addcmul_(a, later)
            torch.sum(grad * (dg * ug).unsqueeze(2), 3, out=dB[g])
            dproduct = (grad * B[g].unsqueeze(3)).sum(2)                        # of delta*u
            grad.mul_(decay)
            grad[:, 0] = 0
            grad[:, 1:].mul_(state[:, :-1])                                     # of delta*A
            torch.sum(grad * A, 2, out=ddelta[g])
            ddelta[g].addcmul_(dproduct, ug)
            torch.mul(dproduct, dg, out=du[g])
            dA += grad.mul_(dg.unsqueeze(2)).sum((0, 1))
        return du, ddelta, dA, dB, dC


# ---- model
class Mamba(nn.Module):
    def __init__(self, dim, states, taps, expand):
        super().__init__()
        inner, self.states, self.rank = expand * dim, states, math.ceil(dim / 16)
        self.A_log = nn.Parameter(torch.arange(1., states + 1).log().repeat(inner, 1))
        self.D = nn.Parameter(torch.ones(inner))
        self.in_proj = nn.Linear(dim, 2 * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, taps, groups=inner)               # its parameters alone
        self.x_proj = nn.Linear(inner, self.rank + 2 * states, bias=False)
        self.dt_proj = nn.Linear(self.rank, inner)
        self.out_proj = nn.Linear(inner, dim, bias=False)

    def forward(self, x):                                                       # [R,P,D]
        u, z = self.in_proj(x).chunk(2, -1)
        taps, tokens = self.conv1d.weight.shape[-1], x.shape[1]
        padded = F.pad(u, (0, 0, taps - 1, 0))
        u = self.conv1d.bias
        for k in range(taps):                       # in this layout faster than transposing for a convolution
            u = u + padded[:, k:k + tokens] * self.conv1d.weight[:, 0, k]
        u = F.silu(u)
        delta, b, c = self.x_proj(u).split([self.rank, self.states, self.states], -1)
        delta = F.softplus(self.dt_proj(delta))
        y = SelectiveScan.apply(u, delta, -self.A_log.t().exp(), b, c)
        return self.out_proj((y + self.D * u) * F.silu(z))


class EinFFT(nn.Module):
    """FFT over tokens and the 4 channel blocks, a complex two-layer network per frequency, back; the real part.

    For few tokens the transforms are products with one real matrix: 1.6 times as fast as torch.fft at 12 tokens."""

    def __init__(self, dim, tokens, blocks=4, threshold=0.01):
        super().__init__()
        k, self.blocks, self.threshold = dim // blocks, blocks, threshold
        for i in "12":
            self.register_parameter("complex_weight_" + i, nn.Parameter(0.02 * torch.randn(2, blocks, k, k)))
            self.register_parameter("complex_bias_" + i, nn.Parameter(0.02 * torch.randn(2, blocks, k)))
        f = torch.fft.fft2(torch.eye(tokens * blocks).view(-1, tokens, blocks), norm="ortho").transpose(1, 2)
        # [P*4, 4*P*2]: from (token, block) to (block frequency, token frequency, re | im). It is orthonormal, so its
        # transpose takes a spectrum to the real part of the inverse transform.
        self.register_buffer("transform", torch.view_as_real(f.contiguous()).flatten(1), persistent=False)

    def layer(self, x, w, b):                                                   # [4,RP,2K]: rows [re | im]
        re, im = w
        return torch.baddbmm(torch.cat([b[0], b[1]], 1)[:, None], x,
                             torch.cat([torch.cat([re, im], 2), torch.cat([-im, re], 2)], 1))

    def forward(self, x):                                                       # [R,P,D]
        R, P, D = x.shape
        k = D // self.blocks
        f = x.view(R, P * self.blocks, k).transpose(1, 2).reshape(R * k, P * self.blocks) @ self.transform
        f = f.view(R, k, self.blocks, P, 2).permute(2, 0, 3, 4, 1).reshape(self.blocks, R * P, 2 * k)
        f = F.relu(self.layer(f, self.complex_weight_1, self.complex_bias_1))
        f = F.softshrink(self.layer(f, self.complex_weight_2, self.complex_bias_2), self.threshold)
        f = f.view(self.blocks, R, P, 2, k).permute(1, 4, 0, 2, 3).reshape(R * k, -1) @ self.transform.t()
        return f.view(R, k, P * self.blocks).transpose(1, 2).reshape(R, P, D)


class Block(nn.Module):
    def __init__(self, o, tokens):
        super().__init__()
        mamba = lambda: Mamba(o.d_model, o.d_state, o.d_conv, o.expand)
        self.norm1, self.norm2 = nn.LayerNorm(o.d_model), nn.LayerNorm(o.d_model, eps=1e-6)
        self.mamba, self.mamba_reverse = mamba(), mamba() if o.bidirectional else None
        if o.mixer == "einfft":
            self.mixer = EinFFT(o.d_model, tokens)
        elif o.mixer == "mlp":
            hidden = int(o.mlp_ratio * o.d_model)
            self.mixer = nn.Sequential(nn.Linear(o.d_model, hidden), nn.GELU(), nn.Linear(hidden, o.d_model))
        else:
            self.mixer = None
        self.dropout = nn.Dropout(o.dropout)

    def forward(self, x):
        h = self.norm1(x)
        y = self.mamba(h)
        if self.mamba_reverse is not None:
            y = y + self.mamba_reverse(h.flip(1)).flip(1)
        x = x + self.dropout(y)
        return x if self.mixer is None else x + self.dropout(self.mixer(self.norm2(x)))


class SimbaSeries(nn.Module):
    """[B,C,L] -> [B,C,T], both in the data's scale: instance normalisation, patches, blocks, head, and back."""

    def __init__(self, o, channels):
        super().__init__()
        self.o, self.channels = o, channels
        group = channels if o.mix_channels else 1
        self.tokens = (o.look_back + o.end_padding - o.patch) // o.stride + 1
        self.embed = nn.Linear(group * o.patch, o.d_model)
        self.position = nn.Parameter(torch.empty(self.tokens, o.d_model).uniform_(-0.02, 0.02))
        self.blocks = nn.ModuleList(Block(o, self.tokens) for _ in range(o.depth))
        self.norm = nn.LayerNorm(o.d_model, eps=1e-6) if o.final_norm else nn.Identity()
        self.head = nn.Linear(o.d_model * (1 if o.head == "mean" else self.tokens), group * o.horizon)
        self.dropout, self.head_dropout = nn.Dropout(o.dropout), nn.Dropout(o.head_dropout)
        self.initialise()

    def initialise(self):
        """The rules of src/model/initialise.c; EinFFT's, A_log, D and the norms' are as built."""
        for name, p in self.named_parameters():
            if ".conv1d." in name:
                nn.init.uniform_(p, -1 / math.sqrt(self.o.d_conv), 1 / math.sqrt(self.o.d_conv))
            elif self.o.initialisation == "mamba" and name.endswith("dt_proj.weight"):
                nn.init.uniform_(p, -1 / math.sqrt(p.shape[1]), 1 / math.sqrt(p.shape[1]))
            elif self.o.initialisation == "mamba" and name.endswith("dt_proj.bias"):
                delta = torch.exp(torch.rand_like(p) * (math.log(0.1) - math.log(0.001)) + math.log(0.001))
                p.data = delta + torch.log(-torch.expm1(-delta))
            elif p.dim() == 2 and name.endswith(".weight"):
                nn.init.normal_(p, std=self.o.weight_deviation or 1 / math.sqrt(3 * p.shape[1]))
            elif name.endswith(".bias") and "norm" not in name:
                nn.init.zeros_(p)

    def forward(self, x):
        o, (B, C, L) = self.o, x.shape
        mean = x.mean(-1, keepdim=True) if o.normalise != "none" else torch.zeros(1)
        deviation = torch.ones(1)
        if o.normalise == "instance":
            deviation = torch.sqrt(x.var(-1, unbiased=False, keepdim=True) + o.normalise_epsilon)
        h = F.pad((x - mean) / deviation, (0, o.end_padding), mode="replicate").unfold(-1, o.patch, o.stride)
        h = h.transpose(1, 2).reshape(B, self.tokens, -1) if o.mix_channels else h.reshape(B * C, self.tokens, o.patch)
        h = self.dropout(self.embed(h) + self.position)
        for block in self.blocks:
            h = block(h)
        h = self.norm(h)
        h = h.mean(1) if o.head == "mean" else h.flatten(1)                     # token-major: token*D + channel
        return self.head(self.head_dropout(h)).view(B, C, o.horizon) * deviation + mean


class DLinear(nn.Module):
    """Moving average of 25 with the ends repeated; one linear map for it and one for the rest, shared by channels."""

    def __init__(self, look_back, horizon, kernel=25):
        super().__init__()
        self.kernel = kernel
        self.trend, self.rest = nn.Linear(look_back, horizon), nn.Linear(look_back, horizon)

    def forward(self, x):
        trend = F.avg_pool1d(F.pad(x, (self.kernel // 2, self.kernel // 2), mode="replicate"), self.kernel, 1)
        return self.trend(trend) + self.rest(x - trend)


# ---- training
def loss_function(o):
    return {"mse": F.mse_loss, "mae": F.l1_loss,
            "huber": lambda y, t: F.smooth_l1_loss(y, t, beta=o.huber_delta)}[o.loss]


def decayed(name, p):
    """The rule of src/model/parameters.c."""
    return p.dim() > 1 and not name.endswith(".bias")


def optimiser_for(model, o):
    if o.dlinear:
        return torch.optim.Adam(model.parameters(), lr=o.learning_rate)
    named = list(model.named_parameters())
    return torch.optim.AdamW([{"params": [p for n, p in named if decayed(n, p)]},
                              {"params": [p for n, p in named if not decayed(n, p)], "weight_decay": 0}],
                             lr=o.learning_rate, betas=(0.9, o.beta2), weight_decay=o.weight_decay)


def learning_rate(o, step, steps_per_epoch):
    if o.schedule == "halving":                                 # as published ("type1"): from the third epoch on
        return o.learning_rate * o.decay_factor ** max(0, step // steps_per_epoch - 1)
    rate, warm_up, total = o.learning_rate, o.warm_up_epochs * steps_per_epoch, o.epochs * steps_per_epoch
    if step < warm_up:
        return rate * (step + 1) / warm_up
    if o.schedule == "cosine":
        rate *= 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, total - warm_up)))
    return rate


@torch.no_grad()
def evaluate(predict, windows, look_back, batch=256):
    """(MSE, MAE) over all windows, steps and channels."""
    square, absolute, count = 0.0, 0.0, 0
    for i in range(0, len(windows), batch):
        w = windows[i:i + batch]
        error = predict(w[..., :look_back].contiguous()) - w[..., look_back:]
        square += error.square().sum(dtype=torch.float64).item()
        absolute += error.abs().sum(dtype=torch.float64).item()
        count += error.numel()
    return square / count, absolute / count


def train_step(model, optimiser, loss_of, windows, o):
    optimiser.zero_grad(set_to_none=True)
    loss = loss_of(model(windows[..., :o.look_back].contiguous()), windows[..., o.look_back:])
    loss.backward()
    if o.clip_norm:
        nn.utils.clip_grad_norm_(model.parameters(), o.clip_norm)
    optimiser.step()
    return loss


def build(o, channels):
    torch.manual_seed(o.seed)
    return DLinear(o.look_back, o.horizon) if o.dlinear else SimbaSeries(o, channels)


def train(o, series, report=lambda text: None):
    """Returns the line to print: the test errors at the best validation MSE, and how it got there."""
    model, loss_of = build(o, series.channels), loss_function(o)
    optimiser = optimiser_for(model, o)
    train_windows, validation_windows, test_windows = (series.windows(split) for split in range(3))
    average = copy.deepcopy(model).eval() if o.ema else model
    steps = math.ceil(len(train_windows) / o.batch)
    best, best_epoch, best_state, epoch_seconds, history = math.inf, 0, None, [], []
    for epoch in range(o.epochs):
        start, order, model_loss = time.perf_counter(), torch.randperm(len(train_windows)), 0.0
        model.train()
        for i in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(o, epoch * steps + i, steps)
            windows = train_windows[order[i * o.batch:(i + 1) * o.batch]]
            model_loss += train_step(model, optimiser, loss_of, windows, o).item() / steps
            if o.ema:
                for a, p in zip(average.parameters(), model.parameters()):
                    # a short memory at first, or the average would remember the fresh weights for epochs
                    a.data.lerp_(p.data, 1 - min(o.ema, (1 + epoch * steps + i) / (10 + epoch * steps + i)))
        epoch_seconds.append(time.perf_counter() - start)
        average.eval()
        validation = evaluate(average, validation_windows, o.look_back)
        history.append(round(validation[0], 4))
        if o.watch_test:
            report(f"epoch {epoch + 1}: loss {model_loss:.4f} validation {validation[0]:.4f} {validation[1]:.4f} "
                   "test %.4f %.4f" % evaluate(average, test_windows, o.look_back))
        if validation[0] < best:
            best, best_epoch, best_state = validation[0], epoch, copy.deepcopy(average.state_dict())
        elif epoch - best_epoch >= o.patience:
            break
    average.load_state_dict(best_state)
    mse, mae = evaluate(average, test_windows, o.look_back)
    return {"horizon": o.horizon, "seed": o.seed, "test_mse": round(mse, 5), "test_mae": round(mae, 5),
            "validation_mse": round(best, 5), "best_epoch": best_epoch + 1, "epochs": len(history), "history": history,
            "epoch_s": round(statistics.median(epoch_seconds), 2),
            "parameters": sum(p.numel() for p in model.parameters())}


def measure(o, series):
    """Returns the line to print: medians over o.time_steps training steps after three that do not count."""
    model, loss_of = build(o, series.channels).train(), loss_function(o)
    optimiser, windows = optimiser_for(model, o), series.windows(0)
    order, seconds, processor = torch.randperm(len(windows)), [], []
    steps = math.ceil(len(windows) / o.batch)
    for i in range(3 + o.time_steps):
        start, used, at = time.perf_counter(), time.process_time(), (i * o.batch) % (len(windows) - o.batch + 1)
        train_step(model, optimiser, loss_of, windows[order[at:at + o.batch]], o).item()
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
    median = statistics.median(seconds[3:])
    return {"model": "dlinear" if o.dlinear else "simba_series", "mixer": o.mixer, "mode": "train", "batch": o.batch,
            "horizon": o.horizon, "threads": o.threads, "runs": o.time_steps, "median_s": round(median, 5),
            "min_s": round(min(seconds[3:]), 5), "max_s": round(max(seconds[3:]), 5),
            "processor_s": round(statistics.median(processor[3:]), 5),          # of all threads; on a busy machine
            "epoch_s": round(median * steps, 3), "windows_per_s": round(o.batch / median, 1),
            "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "torch": torch.__version__, "tuned": not untuned()}


def untuned():
    """What this process lacks to be as fast as Debian's PyTorch can be."""
    malloc = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "1000000000000", "MALLOC_TOP_PAD_": "67108864"}
    missing = [f"{name}={value}" for name, value in malloc.items() if os.environ.get(name) != value]
    with open("/proc/self/maps") as maps:
        if "openblas" not in maps.read() and not torch.backends.mkl.is_available():
            missing.append("OpenBLAS (LD_LIBRARY_PATH)")
    with open("/proc/cpuinfo") as cpu:
        if "avx512f" in cpu.read() and os.environ.get("ATEN_CPU_CAPABILITY") != "avx512":
            missing.append("ATEN_CPU_CAPABILITY=avx512")
    return missing


def naive(o, series):
    windows = series.windows(2)
    last = evaluate(lambda x: x[..., -1:].expand(*x.shape[:2], o.horizon), windows, o.look_back)
    season = torch.arange(o.horizon) % 24 - 24
    seasonal = evaluate(lambda x: x[..., season], windows, o.look_back)
    return {"horizon": o.horizon, "last_value": [round(v, 5) for v in last], "last_day": [round(v, 5) for v in seasonal]}


def parser():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = p.add_argument
    add("csv", help="an ETT hourly file")
    add("--look-back", type=int, default=96)
    add("--horizon", type=int, default=96)
    add("--patch", type=int, default=24)
    add("--stride", type=int, default=24)
    add("--end-padding", type=int, default=0, help="copies of the last value behind the look-back")
    add("--mix-channels", action="store_true", help="tokens of all channels (each channel is a row of its own)")
    add("--d-model", type=int, default=64)
    add("--depth", type=int, default=1)
    add("--d-state", type=int, default=4)
    add("--d-conv", type=int, default=4)
    add("--expand", type=int, default=2)
    add("--bidirectional", action="store_true")
    add("--mixer", choices=("einfft", "mlp", "none"), default="einfft")
    add("--mlp-ratio", type=float, default=2)
    add("--head", choices=("flatten", "mean"), default="flatten")
    add("--normalise", choices=("instance", "mean", "none"), default="mean", help="of each window and channel")
    add("--normalise-epsilon", type=float, default=1e-5, help="added to the variance")
    add("--no-final-norm", dest="final_norm", action="store_false")
    add("--dropout", type=float, default=0.1)
    add("--head-dropout", type=float, default=0)
    add("--initialisation", choices=("published", "mamba"), default="mamba")
    add("--weight-deviation", type=float, default=0.02, help="of the linear weights; 0: by the number of inputs")
    add("--loss", choices=("mse", "mae", "huber"), default="mae")
    add("--huber-delta", type=float, default=1)
    add("--batch", type=int, default=32)
    add("--epochs", type=int, default=3)
    add("--patience", type=int, default=3)
    add("--learning-rate", type=float, default=2e-3)
    add("--weight-decay", type=float, default=0.05)
    add("--beta2", type=float, default=0.999)
    add("--clip-norm", type=float, default=0)
    add("--schedule", choices=("constant", "cosine", "halving"), default="cosine")
    add("--decay-factor", type=float, default=0.5, help="of the schedule halving")
    add("--warm-up-epochs", type=float, default=0)
    add("--ema", type=float, default=0, help="decay of the running mean of the weights that is validated and tested")
    add("--seed", type=int, default=1)
    add("--threads", type=int, default=1)
    add("--watch-test", action="store_true", help="test errors of every epoch on standard error; chooses nothing")
    add("--time", action="store_true", help="time training steps")
    add("--time-steps", type=int, default=30)
    add("--dlinear", action="store_true", help="DLinear with Adam, by --learning-rate, --batch, --schedule and so on")
    add("--naive", action="store_true", help="last value and last day")
    return p


def main():
    o = parser().parse_args()
    torch.set_num_threads(o.threads)
    series = Series(o.csv, o.look_back, o.horizon)
    if o.time and untuned():
        print("series_peer.py: times will flatter the other side; missing: " + ", ".join(untuned()), file=sys.stderr)
    report = lambda text: print(text, file=sys.stderr, flush=True)
    print(json.dumps(naive(o, series) if o.naive else measure(o, series) if o.time else train(o, series, report)))


if __name__ == "__main__":
    main()
