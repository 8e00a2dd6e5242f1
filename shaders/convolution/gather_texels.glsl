// gather.glsl by texels, for panel_product.comp: `channels` counts texels. What tap and channels a lane looks at is the
// same for all its fetches, so it is kept once. Positions are carried along instead of divided out, because an integer
// division is a division per lane on a software driver.
int image_height, image_width, channels, taps_x, grid_width, grid_height;
int scale, direction;
ivec2 origin;                    // (x, y)
int image_first;                 // texel
ivec2 tap;                       // of the lane, (x, y); !A_TRANSPOSED: moves with the depth
int channel;                     // likewise
ivec2 pixel_position[A_FETCHES]; // of each fetch, in the grid; A_TRANSPOSED: moves with the depth
int pixel_image[A_FETCHES];      // batch item
uint pixel_depth[A_FETCHES];     // A_TRANSPOSED: the depth of the pixel
uint target_rows[SCALE_LOADS];   // lane l of [s]: the row of y of the tile's row s * WORKGROUP + l

ivec3 gather_divide(int pixel) {
    const int row = pixel / grid_width;
    return ivec3(pixel - row * grid_width, row % grid_height, row / grid_height);
}

void gather_start(uint first_row, uint lane, uint depth_begin) {
    image_height = int(arguments.image_height);
    image_width = int(arguments.image_width);
    channels = int(arguments.channels);
    taps_x = int(arguments.taps_x);
    grid_width = int(arguments.grid_width);
    grid_height = int(arguments.grid_height);
    scale = arguments.scale;
    direction = arguments.direction;
    origin = ivec2(arguments.origin_x, arguments.origin_y);
    image_first = int(arguments.a_first);
    const uint rows = arguments.rows;

    const uint along = lane % A_ROW_TEXELS;
    const int element =
        int(A_TRANSPOSED != 0u ? min(first_row / 4u + along, rows / 4u - 1u) : depth_begin / 4u + along);
    const int taps = element / channels;
    channel = element - taps * channels;
    tap = ivec2(taps % taps_x, taps / taps_x);
    [[unroll]] for (uint f = 0u; f < A_FETCHES; f++) {
        const uint across = min(f * WORKGROUP + lane, A_TEXELS - 1u) / A_ROW_TEXELS;
        pixel_depth[f] = depth_begin + across;
        const ivec3 at = gather_divide(int(A_TRANSPOSED != 0u ? pixel_depth[f] : min(first_row + across, rows - 1u)));
        pixel_position[f] = at.xy;
        pixel_image[f] = at.z;
    }
    if (A_TRANSPOSED == 0u) {
        const uint target_image = arguments.target_image;
        const uint target_width = arguments.target_width;
        const uint target_step = arguments.target_step;
        const uint target_first = arguments.target_first;
        [[unroll]] for (uint s = 0u; s < SCALE_LOADS; s++) {
            const uvec3 at = uvec3(gather_divide(int(min(first_row + s * WORKGROUP + lane, rows - 1u))));
            target_rows[s] = at.z * target_image + target_first + (at.y * target_width + at.x) * target_step;
        }
    }
}

vec4 gather_fetch(uint f, uint depth_end) {
    const ivec2 at = pixel_position[f] * scale + origin + direction * tap;
    bool inside = uint(at.x) < uint(image_width) && uint(at.y) < uint(image_height);
    if (A_TRANSPOSED != 0u) inside = inside && pixel_depth[f] < depth_end;
    const int texel = ((pixel_image[f] * image_height + at.y) * image_width + at.x) * channels + channel;
    const vec4 value = texelFetch(a_texels, image_first + (inside ? texel : 0));
    return inside ? value : vec4(0.0);
}

void gather_advance() {
    if (A_TRANSPOSED != 0u) {
        [[unroll]] for (uint f = 0u; f < A_FETCHES; f++) {
            // Exact in float32: numbers below 2^23, and the quotient is half a step away from the next integer.
            const int x = pixel_position[f].x + int(STEP);
            const int lines = int((float(x) + 0.5) / float(grid_width));
            const int y = pixel_position[f].y + lines;
            const int images = int((float(y) + 0.5) / float(grid_height));
            pixel_position[f] = ivec2(x - lines * grid_width, y - images * grid_height);
            pixel_image[f] += images;
            pixel_depth[f] += STEP;
        }
    } else {
        [[unroll]] for (uint texel = 0u; texel < A_ROW_TEXELS; texel++) {
            channel++;
            const bool next_tap = channel == channels;
            channel = next_tap ? 0 : channel;
            tap.x += next_tap ? 1 : 0;
            const bool next_line = tap.x == taps_x;
            tap = next_line ? ivec2(0, tap.y + 1) : tap;
        }
    }
}

// The row of y for the tile's row i.
uint gather_target(uint i) {
    return SPREAD(target_rows[i / WORKGROUP], i % WORKGROUP);
}
