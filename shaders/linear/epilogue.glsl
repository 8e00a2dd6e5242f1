// What follows a matrix product: y = residual + row_scale * activation(sum + bias), the activation's argument saved.
// EPILOGUE is a specialisation constant with a bit for each part, so that parts not asked for cost nothing.
#include "common/activation.glsl"

const uint EPILOGUE_BIAS = 1u;
const uint EPILOGUE_RESIDUAL = 2u;
const uint EPILOGUE_ROW_SCALE = 4u;
const uint EPILOGUE_SAVED = 8u;

bool epilogue_has(uint part) {
    return (EPILOGUE & part) != 0u;
}
