#!/usr/bin/python3
"""Writes recipe_cases.h: what timm 0.4.5 makes of the published training command: which parameters of S, B and L decay,
and the learning rate of each epoch. Run it here, with timm 0.4.5 (`pip install --no-deps --target DIR timm==0.4.5`) and
any torch on PYTHONPATH; the names and shapes are the published state dictionaries'."""
import argparse
import gzip
import re

import torch
from timm.optim import create_optimizer
from timm.scheduler import create_scheduler

GPUS, BATCH, EPOCHS, TAIL = 8, 128, 310, 20


class Published:
    """A model as far as timm looks at it."""

    def __init__(self, entries):
        self.entries = [(name, torch.nn.Parameter(torch.empty(shape))) for name, shape in entries]

    def named_parameters(self):
        return iter(self.entries)


def command():
    """What the published command sets or leaves at timm's defaults."""
    args = argparse.Namespace(opt='adamw', opt_eps=1e-8, opt_betas=None, momentum=0.9, weight_decay=0.05, lr=1e-3,
                              sched='cosine', epochs=EPOCHS, min_lr=1e-5, warmup_lr=1e-6, warmup_epochs=5,
                              cooldown_epochs=10, decay_epochs=30, decay_rate=0.1, lr_noise=None, seed=0)
    args.lr = args.lr * BATCH * GPUS / 512.0
    return args


def read_dictionaries():
    models, entries = {}, None
    for line in gzip.open('../golden/data/state_dictionaries.txt.gz', 'rt'):
        words = line.split()
        if words[0] == 'model':
            entries = models.setdefault((words[1], words[2], words[3]), [])
        elif not re.search(r'running_(mean|var)$|num_batches_tracked$', words[0]):
            entries.append((words[0], [int(word) for word in words[2:]]))
    return models


def groups_of(entries):
    """By name: the weight decay of the optimiser's group in which its parameter is."""
    model = Published(entries)
    optimizer = create_optimizer(command(), model)
    decay = {id(p): group['weight_decay'] for group in optimizer.param_groups for p in group['params']}
    assert all(group['lr'] == command().lr and group['betas'] == (0.9, 0.999) and group['eps'] == 1e-8
               for group in optimizer.param_groups)
    assert len(decay) == len(entries)
    return [(name, decay[id(p)], p.numel()) for name, p in model.entries]


def learning_rates():
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=command().lr)
    scheduler, _ = create_scheduler(command(), optimizer)
    rates = []
    for epoch in range(EPOCHS + TAIL):
        rates.append(optimizer.param_groups[0]['lr'])
        scheduler.step(epoch)
    return rates


models = read_dictionaries()
patterns, totals = {}, []
for (size, mixer, token_labels), entries in models.items():
    if token_labels != '1':
        continue
    count, elements = {0.0: 0, 0.05: 0}, {0.0: 0, 0.05: 0}
    for name, decay, numel in groups_of(entries):
        count[decay] += 1
        elements[decay] += numel
        pattern = re.sub(r'^block(\d)\.\d+\.', r'block\1.*.', name)
        assert patterns.setdefault((mixer, pattern), decay) == decay
    totals.append((size, mixer, count[0.05], count[0.0], elements[0.05], elements[0.0]))

out = ['/* Written by make_recipe_cases.py: what timm 0.4.5 makes of the published training command. */', '',
       '/* Parameters and their elements with and without weight decay. */',
       'static const struct {',
       '    const char *size, *mixer;',
       '    int decayed, others;',
       '    int64_t decayed_elements, other_elements;',
       '} recipe_totals[] = {']
out += ['    {"%s", "%s", %d, %d, %d, %d},' % total for total in totals]
out += ['};', '', '/* Every name; the * is any block of the stage. */', 'static const struct {',
        '    const char *mixer, *pattern;', '    double weight_decay;', '} recipe_groups[] = {']
out += ['    {"%s", "%s", %g},' % (mixer, pattern, decay) for (mixer, pattern), decay in patterns.items()]
out += ['};', '', '/* By epoch. */', 'static const double recipe_rates[] = {']
out += ['    %r,' % rate for rate in learning_rates()]
out += ['};', '']
open('recipe_cases.h', 'w').write('\n'.join(out))
