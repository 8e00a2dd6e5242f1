// struct sb_step_numbers as words.
const uint STEP_SEED = 0, STEP_STEP = 2, STEP_LEARNING_RATE = 4, STEP_CORRECTION1 = 5, STEP_CORRECTION2 = 6,
           STEP_MICRO_BATCH = 7;
