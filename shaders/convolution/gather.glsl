// An image seen as the left factor of a matrix product, element by element: row `pixel` of the factor is a position of
// the grid, and its column `element` = tap * channels + channel is what the kernel's tap sees there; outside that is another pixel.
//
// Forward: the grid is the output, a pixel (r, c) looks at (r, c) * scale + origin + tap. Input gradient: the grid is
// every stride-th pixel of the input, and since output = (input + padding - tap) / stride, the tap is subtracted.
uvec3 gather_position(uint pixel) {
    const uint row = pixel / arguments.grid_width;
    return uvec3(pixel % arguments.grid_width, row % arguments.grid_height, row / arguments.grid_height);
}

float gather(uint pixel, uint element, out bool inside) {
    const uvec3 position = gather_position(pixel);
    const uint tap = element / arguments.channels;
    const int line = arguments.direction * int(tap / arguments.taps_x);
    const int place = arguments.direction * int(tap % arguments.taps_x);
    const int y = int(position.y) * arguments.scale + arguments.origin_y + line;
    const int x = int(position.x) * arguments.scale + arguments.origin_x + place;
    inside = uint(y) < arguments.image_height && uint(x) < arguments.image_width;
    const uint at = (position.z * arguments.image_height + min(uint(y), arguments.image_height - 1u)) *
                        arguments.image_width + min(uint(x), arguments.image_width - 1u);
    return arguments.a.at[at * arguments.channels + element % arguments.channels];
}

// The row of y for a pixel of the grid.
uint target_row(uint pixel) {
    const uvec3 position = gather_position(pixel);
    return position.z * arguments.target_image + arguments.target_first +
           (position.y * arguments.target_width + position.x) * arguments.target_step;
}
