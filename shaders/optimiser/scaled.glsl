// struct sb_loss_scaling and struct sb_scaled_step as words.
const uint STATE_SCALE = 0, STATE_GOOD = 1, STATE_TAKEN = 2, STATE_SKIPPED = 3;
const uint SCALED_NORM = 0, SCALED_TAKEN = 1, SCALED_FACTOR = 2, SCALED_CORRECTION1 = 3, SCALED_CORRECTION2 = 4,
           SCALED_SCALE = 5, SCALED_SKIPPED = 6, SCALED_UNUSED = 7;
