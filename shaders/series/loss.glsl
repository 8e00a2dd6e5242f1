// The loss of an error and its slope; KIND as enum sb_forecast_loss.
#ifndef SIMBA_SERIES_LOSS
#define SIMBA_SERIES_LOSS

const uint SQUARED = 0, ABSOLUTE = 1, HUBER = 2;

float loss_of(float error, float delta) {
    const float size = abs(error);
    if (KIND == SQUARED) return error * error;
    if (KIND == ABSOLUTE) return size;
    return size <= delta ? 0.5 * error * error : delta * (size - 0.5 * delta);
}

float slope_of(float error, float delta) {
    if (KIND == SQUARED) return 2.0 * error;
    if (KIND == ABSOLUTE) return sign(error);
    return clamp(error, -delta, delta);
}

#endif
