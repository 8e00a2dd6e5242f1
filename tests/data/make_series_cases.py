#!/usr/bin/python3
"""Writes series_cases.h, etth1_cases.h and date_cases.h: the forecasting protocol's numbers, computed with numpy
alone, and dates as Python reads them. Run it here, with the path of ETTh1.csv (ETDataset, CC BY-ND 4.0), of which only
figures are kept."""
import csv
import datetime
import math
import sys
import zlib

import numpy

LOOK_BACK = 96
HORIZONS = (96, 192, 336, 720)
BATCH = 32  # of LTSF-Linear, whose published figures leave the last batch out


def borders(kind, rows):
    """(begin, end) of training, validation and test, as Autoformer's data loader cuts them."""
    if kind == "RATIOS":
        train, test = int(rows * 0.7), int(rows * 0.2)
        validation = rows - train - test
        return [(0, train), (train - LOOK_BACK, train + validation), (rows - test - LOOK_BACK, rows)]
    month = 30 * 24 * (4 if kind == "ETT_MINUTE" else 1)
    return [(0, 12 * month), (12 * month - LOOK_BACK, 16 * month), (16 * month - LOOK_BACK, 20 * month)]


def write_splits(out):
    out.write("""static const struct split_case {
    const char *name;
    enum sb_split_kind kind;
    int64_t rows, horizon;
    struct { int64_t begin, end, windows; } parts[SB_PARTS];
} split_cases[] = {\n""")
    for name, kind, rows in (("ETTh1", "ETT_HOUR", 17420), ("ETTm1", "ETT_MINUTE", 69680), ("Weather", "RATIOS", 52696),
                             ("Electricity", "RATIOS", 26304), ("Traffic", "RATIOS", 17544),
                             ("Exchange", "RATIOS", 7588)):
        for horizon in HORIZONS:
            parts = borders(kind, rows)
            cells = ", ".join("{%d, %d, %d}" % (begin, end, end - begin - LOOK_BACK - horizon + 1)
                              for begin, end in parts)
            out.write('    {"%s", SB_SPLIT_%s, %d, %d, {%s}},\n' % (name, kind, rows, horizon, cells))
    out.write("};\n")


def write_dates(out):
    """Texts and the microseconds that datetime makes of them."""
    out.write("static const struct { const char *text; int64_t microseconds; } date_cases[] = {\n")
    zero = datetime.datetime(1970, 1, 1)
    moments = [datetime.datetime(2016, 7, 1), datetime.datetime(2016, 2, 29, 23, 59, 59),
               datetime.datetime(1969, 12, 31, 1, 2, 3), datetime.datetime(2000, 12, 31, 12, 30),
               datetime.datetime(1900, 3, 1, 0, 15), datetime.datetime(2099, 10, 9, 9, 5, 7)]
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y/%m/%d %H:%M", "%d.%m.%Y %H:%M", "%Y-%m-%d",
                 "%Y-%m-%dT%H:%M:%SZ", "%d.%m.%Y", "%Y-%m-%d %H:%M:%S.%f"):
        for moment in moments:
            text = moment.strftime(form)
            microseconds = (datetime.datetime.strptime(text, form) - zero) // datetime.timedelta(microseconds=1)
            out.write('    {"%s", INT64_C(%d)},\n' % (text, microseconds))
    for text in ("2016-07-01T00:00:00+02:00", "2016-07-01 00:00:00-0530", "2016-07-01T12:00:00.250+01:00"):
        moment = datetime.datetime.fromisoformat(text if text[-3] == ":" else text[:-2] + ":" + text[-2:])
        microseconds = (moment - zero.replace(tzinfo=datetime.timezone.utc)) // datetime.timedelta(microseconds=1)
        out.write('    {"%s", INT64_C(%d)},\n' % (text, microseconds))
    out.write("};\n")


def forecasts(name, inputs, horizon):
    if name == "last value":
        return numpy.repeat(inputs[:, -1:], horizon, axis=1)
    if name == "mean":
        return numpy.repeat(inputs.mean(axis=1, keepdims=True), horizon, axis=1)
    season = inputs[:, -24:]
    return numpy.concatenate([season] * (horizon // 24 + 1), axis=1)[:, :horizon]


def write_etth1(out, path):
    with open(path, newline="") as stream:
        rows = list(csv.reader(stream))
    values = numpy.array([[float(cell) for cell in row[1:]] for row in rows[1:]])
    parts = borders("ETT_HOUR", len(values))
    training = values[parts[0][0]:parts[0][1]]
    # numpy adds row by row and is off in the 14th digit; these sums are exact
    mean = numpy.array([math.fsum(column) / len(column) for column in training.T])
    deviation = numpy.array([math.sqrt(math.fsum((column - center) ** 2) / len(column))
                             for column, center in zip(training.T, mean)])
    assert numpy.allclose(mean, training.mean(axis=0), rtol=1e-12)
    assert numpy.allclose(deviation, training.std(axis=0), rtol=1e-12)
    scaled = ((values - mean) / deviation).astype(numpy.float32)
    array = lambda numbers: "{" + ", ".join("%.17g" % number for number in numbers) + "}"
    out.write("static const double etth1_mean[] = %s;\n" % array(mean))
    out.write("static const double etth1_deviation[] = %s;\n" % array(deviation))
    out.write("static const uint32_t etth1_scaled_crc = 0x%08xu;\n" % zlib.crc32(scaled.astype("<f4").tobytes()))
    out.write("""static const struct {
    enum sb_part part;
    int64_t horizon, window;
    uint32_t input_crc, truth_crc;
} etth1_windows[] = {\n""")
    for part, horizon, window in ((0, 96, 0), (0, 720, 7824), (1, 192, 17), (2, 96, 0), (2, 336, 2544)):
        begin = parts[part][0] + window
        block = scaled[begin:begin + LOOK_BACK + horizon]
        out.write("    {%d, %d, %d, 0x%08xu, 0x%08xu},\n" % (part, horizon, window,
                  zlib.crc32(block[:LOOK_BACK].tobytes()), zlib.crc32(block[LOOK_BACK:].tobytes())))
    out.write("""};
static const struct {
    int64_t horizon;
    enum sb_baseline baseline;
    int64_t windows, kept;
    double mse, mae, kept_mse, kept_mae; /* kept: without the last, smaller batch of %d */
    double ot_mse, ot_mae, last_step_mse, kept_first_step_mse;
} etth1_baselines[] = {\n""" % BATCH)
    test = scaled[parts[2][0]:parts[2][1]].astype(numpy.float64)
    for horizon in HORIZONS:
        count = len(test) - LOOK_BACK - horizon + 1
        inputs = numpy.stack([test[i:i + LOOK_BACK] for i in range(count)])
        truth = numpy.stack([test[i + LOOK_BACK:i + LOOK_BACK + horizon] for i in range(count)])
        for kind, name in (("LAST", "last value"), ("SEASONAL", "seasonal"), ("MEAN", "mean")):
            forecast = forecasts(name, inputs, horizon).astype(numpy.float32).astype(numpy.float64)
            error = forecast - truth
            kept = count // BATCH * BATCH
            figures = [(error ** 2).mean(), abs(error).mean(), (error[:kept] ** 2).mean(), abs(error[:kept]).mean(),
                       (error[:, :, 6] ** 2).mean(), abs(error[:, :, 6]).mean(), (error[:, horizon - 1] ** 2).mean(),
                       (error[:kept, 0, :]**2).mean()]
            out.write("    {%d, SB_BASELINE_%s, %d, %d, %s},\n" % (horizon, kind, count, kept, array(figures)[1:-1]))
    out.write("};\n")


with open("series_cases.h", "w") as out:
    out.write("/* Made by make_series_cases.py. */\n")
    write_splits(out)
with open("etth1_cases.h", "w") as out:
    out.write("/* Made by make_series_cases.py with numpy %s. */\n" % numpy.__version__)
    write_etth1(out, sys.argv[1])
with open("date_cases.h", "w") as out:
    out.write("/* Made by make_series_cases.py. */\n")
    write_dates(out)
