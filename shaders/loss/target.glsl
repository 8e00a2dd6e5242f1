// The target distribution of a row: given as floats, or by a label with smoothing.
float target_at(uint row, uint k) {
    if (!LABELS) return arguments.distributions.at[row * arguments.classes + k];
    const float spread = arguments.smoothing / float(arguments.classes);
    return arguments.labels.at[row] == int(k) ? 1.0 - arguments.smoothing + spread : spread;
}
