/* SPDX-License-Identifier: MIT
 * unet.h - the U-Net that predicts noise: diffusers' UNet2DModel, name for name (after DDPM, arXiv
 * 2006.11239).
 *
 *     time, class -> embedding;  conv_in;  down blocks, keeping each output;  middle;
 *     up blocks, each taking what the mirrored down block kept;  norm, SiLU, conv_out
 *
 * or, where its configuration has logits, a classifier: behind the middle nn/classifier.h. */
#ifndef UM_UNET_H
#define UM_UNET_H

#include "autograd/ops.h"
#include "nn/param.h"
#include "nn/unet_config.h"

typedef struct um_unet um_unet;

/* Build a network with all parameters zero (um_params_initialise or a file fills them). The initial
 * values that it names are PyTorch's, but conv2 of each residual block, the attention's output
 * projection and conv_out start at zero, as in DDPM's own code. UM_BAD_ARG as um_unet_config_check
 * says. On failure *unet is NULL. */
um_status um_unet_open(um_unet **unet, um_ctx *ctx, const um_unet_config *config);

/* Free the network and set *unet to NULL; NULL is accepted. */
void um_unet_close(um_unet **unet);

const um_unet_config *um_unet_configuration(const um_unet *unet);
um_params *um_unet_params(um_unet *unet);

/* The network learns from images of another size from now on: its configuration says so. */
void um_unet_set_image_size(um_unet *unet, int h, int w);

/* Record x [n, h, w, in_channels], timesteps [n, 1, 1, 1] and, in a class-conditional model, labels
 * [n, 1, 1, um_unet_label_width] (else none) -> [n, h, w, out_channels], or a classifier's scores
 * [n, 1, 1, logits]. `recompute`: each layer is a segment that keeps only its ends. The network
 * outlives the tape, and is recorded once on a tape that computes its gradients. Failures stay on
 * the tape. */
um_var um_unet_apply(um_tape *t, um_unet *unet, um_var x, um_var timesteps, um_var labels,
                     bool recompute);

/* Record the whole network for n images of h x w on a tape that is open and empty, with inputs of
 * its own; what is then asked of the tape (cost, activations) is the network's. Nothing is run. */
um_status um_unet_record(um_tape *t, um_unet *unet, int n, int h, int w);

/* How many images of h x w to compute at a time, at least 1. Of a larger batch every activation
 * goes through main memory, of a smaller one the filters are transformed too often; between them
 * lies a tape of 64 MiB, or of eight times the weights where those are many. Depends on network and
 * size alone, so that sums over a batch have the same order everywhere. */
um_status um_unet_part(um_unet *unet, int h, int w, int *images);

#endif
