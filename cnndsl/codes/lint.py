"""Warnings: networks that are well-formed and rarely meant. docs/cli.md says how to choose among them."""

from cnndsl.codes.code import Code

CODES = (
    Code(
        "skipped-pixels",
        "pixels between the windows that none of them reads",
        "The stride is larger than the window, or stride and dilation share a factor, so that every window steps over "
        "real pixels. What falls between is lost before anything could learn from it, and the result changes when the "
        "image moves by one pixel (Dumoulin and Visin 2016, chapter 2; Zeiler and Fergus 2013, section 4.1, on "
        "aliasing by large strides; Azulay and Weiss 2019). 1x1 kernels are exempt: as the projection of a shortcut "
        "(He et al. 2015) they take every second pixel on purpose.",
        "input 3@224x224\nconv 64 3x3 stride=4",
        "input 3@224x224\nconv 64 4x4 stride=4",
        severity="warning",
    ),
    Code(
        "padding-only",
        "weights that only ever meet padding",
        "At every position of the kernel these weights lie outside the map and multiply zeros. Chen et al. 2017 "
        "(section 3.3) saw 3x3 kernels of large dilation degenerate to 1x1 so; it also happens where small images are "
        "fed to a network for large ones (Richter et al. 2021). The layer is sound, but pays for nothing.",
        "input 64@1x1\nconv 64 3x3 pad=1",
        "input 64@2x2\nconv 64 3x3 pad=1",
        severity="warning",
    ),
    Code(
        "even-kernel",
        "an even kernel that keeps the size",
        "An even window has no centre. At stride 1 `pad=same` has an odd number of cells to place, one side gets one "
        'more, and the map moves by half a pixel with every layer (Wu, Wang, Sun, Tao 2019, "Convolution with '
        'even-sized kernels and symmetric padding").',
        "input 3@32x32\nconv 8 4x4 pad=same",
        "input 3@32x32\nconv 8 5x5 pad=same",
        severity="warning",
    ),
    Code(
        "checkerboard",
        "a transposed convolution that writes unevenly",
        "Where the stride does not divide the kernel, some output pixels are written more often than their neighbours, "
        'and pictures show a checkerboard (Odena, Dumoulin, Olah 2016, "Deconvolution and checkerboard artifacts"). '
        "A kernel that is a multiple of the stride writes all equally often; so does resizing followed by a "
        "convolution.",
        "input 64@8x8\nconv_transpose 32 3x3 stride=2",
        "input 64@8x8\nconv_transpose 32 4x4 stride=2 pad=1",
        severity="warning",
    ),
    Code(
        "gridding",
        "stacked dilations with a common factor",
        "If every layer of a stack has a dilation that is a multiple of the same number, an output sees a lattice of "
        "pixels, and its neighbour another one: they share none (Wang et al. 2018, section 3.2, hybrid dilated "
        "convolution; Yu, Koltun, Funkhouser 2017, section 4, on gridding). Stacks are followed through activations, "
        "normalisations and 1x1 layers, not through merges.",
        "input 16@64x64\nconv 16 3x3 pad=2 dilation=2 -> relu\nconv 16 3x3 pad=2 dilation=2 -> relu",
        "input 16@64x64\nconv 16 3x3 pad=1 -> relu\nconv 16 3x3 pad=2 dilation=2 -> relu",
        severity="warning",
    ),
    Code(
        "bias-before-norm",
        "a bias that the normalisation takes away",
        "Batch and instance normalisation subtract the mean of each channel, and with it any constant that was added "
        "to the channel; their own shift takes its place (Ioffe and Szegedy 2015, section 3.2: the bias can be "
        "ignored). The fix is offered where the text shows that the normalisation always follows and nothing else "
        "reads the layer. Networks that copy weights of a model with such biases keep them and say so.",
        "input 3@32x32\nconv 16 3x3 -> batchnorm -> relu",
        "input 3@32x32\nconv 16 3x3 bias=false -> batchnorm -> relu",
        severity="warning",
    ),
    Code(
        "dropout-before-norm",
        "dropout directly before batch normalisation",
        "Dropout changes the variance of its values while training, batch normalisation learns that variance, and "
        'after training, when nothing is dropped, the learnt one is wrong (Li, Chen, Hu, Yang 2019, "Understanding '
        "the disharmony between dropout and batch normalization by variance shift\"). The paper's advice is to drop "
        "behind the last normalisation. Reported where only activations, max-pooling or flatten lie between; with "
        "weights between, as in DeepLab v3, the shift is smaller and published networks live with it.",
        "input 3@32x32\nconv 16 3x3 bias=false -> relu -> dropout 0.5 -> batchnorm",
        "input 3@32x32\nconv 16 3x3 bias=false -> relu -> batchnorm -> dropout 0.5",
        severity="warning",
    ),
    Code(
        "linear-pair",
        "two linear layers with nothing between them",
        "The composition of two linear maps is one linear map: without an activation between them the second layer "
        "adds parameters and no power (Goodfellow, Bengio, Courville 2016, section 6.1). Normalisation, dropout and "
        "flatten do not count as activations. Exempt are pairs that are meant: depthwise, grouped and transposed "
        "layers (Howard et al. 2017), a thin 1x1 layer on either side, as in linear bottlenecks (Sandler et al. "
        "2018), also one as wide as the depthwise layer that it stands behind (Howard et al. 2019), a narrow dense "
        "layer between wide ones, kernels separated by axes (Jaderberg et al. 2014), and weights written by hand.",
        "input 3@32x32\nconv 16 3x3\nconv 32 3x3 -> relu",
        "input 3@32x32\nconv 16 3x3 -> relu\nconv 32 3x3 -> relu",
        severity="warning",
    ),
    Code(
        "abrupt-bottleneck",
        "a bottleneck that everything is squeezed through at once",
        'The size of the representation should fall gently: "avoid representational bottlenecks, especially early in '
        'the network" (Szegedy et al. 2016, "Rethinking the Inception architecture", section 2, the first design '
        "principle). Reported for a convolution that makes at least 16 times fewer numbers out of a map while no other "
        "value is alive, if a later layer is wider again; SqueezeNet's narrowest has 8.",
        "input 3@64x64\nconv 128 3x3 pad=1 -> relu\nconv 4 3x3 pad=1 -> relu\nconv 128 3x3 pad=1 -> relu",
        "input 3@64x64\nconv 128 3x3 pad=1 -> relu\nconv 16 3x3 pad=1 -> relu\nconv 128 3x3 pad=1 -> relu",
        severity="warning",
    ),
    Code(
        "unused-value",
        "a value that nothing reads",
        "No layer reads the value, and it is no output: it and all that only leads to it is computed for nothing. "
        "Often a `from` is one line too early, or an `output` is missing. That dead code is worth a warning is as old "
        'as lint (Johnson 1978, "Lint, a C program checker").',
        "input 3@32x32 as image\nconv 8 3x3 as first -> relu\nfrom image\nconv 16 3x3 -> relu",
        "input 3@32x32 as image\nconv 8 3x3 as first -> relu as small\nfrom image\nconv 16 3x3 -> relu as large\n"
        "output small large",
        severity="warning",
    ),
    Code(
        "useless-activation",
        "an activation that changes nothing",
        "A relu gives nothing below 0 (Nair and Hinton 2010), so that a second one behind it, also behind a pool of "
        "its values, has nothing to cut off. The same holds for a relu behind a sigmoid or softmax, and for another "
        "`clip`, `abs` or `relu6`. Often a layer is missing between the two.",
        "input 3@32x32\nconv 16 3x3 -> relu -> maxpool 2x2 -> relu",
        "input 3@32x32\nconv 16 3x3 -> relu -> maxpool 2x2",
        severity="warning",
    ),
    Code(
        "repeated-squashing",
        "a softmax or sigmoid of what is squashed already",
        "What comes in lies between 0 and 1, so that what comes out is nearly the same for all: with 10 classes, the "
        "largest share that a second softmax can give is 0.23. The gradients get as small (Goodfellow, Bengio, "
        "Courville 2016, section 6.2.2).",
        "input 64\ndense 10 -> softmax -> softmax",
        "input 64\ndense 10 -> softmax",
        severity="warning",
    ),
    Code(
        "softmax-inside",
        "a softmax in the middle of a network",
        "The values of a softmax are shares of 1: the more there are, the smaller is each, and all but the largest are "
        "nearly 0. As input of a convolution or dense layer they tell little; softmax is for outputs, and for weights "
        "of attention (Goodfellow, Bengio, Courville 2016, section 6.2.2.3). A softmax that is multiplied with "
        "something is not reported.",
        "input 64\ndense 32 -> softmax\ndense 10",
        "input 64\ndense 32 -> relu\ndense 10",
        severity="warning",
    ),
    Code(
        "softmax-of-one",
        "a softmax over one channel",
        "Softmax divides by the sum over the channels. Of one channel this is always 1, whatever the network has "
        "learned. For yes and no there is `sigmoid`, which is the softmax of two values of which one is 0 (Goodfellow, "
        "Bengio, Courville 2016, section 6.2.2.2).",
        "input 64\ndense 1 -> softmax",
        "input 64\ndense 1 -> sigmoid",
        severity="warning",
    ),
    Code(
        "pool-of-one",
        "a pool with a window of one pixel",
        "The largest of one value, or its mean, is the value: the layer changes nothing. The usual window is 2x2 "
        '(Stanford CS231n 2016, notes on convolutional networks, "Layer sizing patterns"). With a stride above 1 it '
        "picks pixels, and is not reported.",
        "input 3@32x32\nconv 16 3x3 -> relu -> maxpool 1x1",
        "input 3@32x32\nconv 16 3x3 -> relu -> maxpool 2x2",
        severity="warning",
    ),
    Code(
        "dropout-output",
        "dropout behind the last layer that learns",
        "Dropout makes layers do without single units of the layer before (Srivastava et al. 2014). Behind the last "
        "layer none is left to learn that: the answer itself has holes, other ones in every step.",
        "input 64\ndense 10 -> dropout 0.5 -> softmax",
        "input 64\ndense 32 -> relu -> dropout 0.5\ndense 10 -> softmax",
        severity="warning",
    ),
    Code(
        "unused-block",
        "a block that no network uses",
        "The file has networks, and none of them, nor a block, uses this one (Johnson 1978). A file without networks "
        "is a library; its blocks are for those who import it. A name that begins with an underscore is never "
        "reported.",
        "block Stem { conv 16 3x3 -> relu }\nnetwork Net {\n  input 3@32x32\n  conv 16 3x3 -> relu\n}",
        "block Stem { conv 16 3x3 -> relu }\nnetwork Net {\n  input 3@32x32\n  Stem\n}",
        severity="warning",
    ),
    Code(
        "unused-parameter",
        "a parameter that changes nothing",
        "A block never mentions one of its parameters, or a file one of its `param`s: whoever sets it is misled "
        "(Johnson 1978). A name that begins with an underscore is never reported.",
        "block Stem(filters, stride) { conv filters 3x3 -> relu }\ninput 3@32x32\nStem 16 2",
        "block Stem(filters, stride) { conv filters 3x3 stride=stride -> relu }\ninput 3@33x33\nStem 16 2",
        severity="warning",
    ),
    Code(
        "unused-let",
        "a constant that nothing uses",
        "The name that `let` defines is never mentioned (Johnson 1978). A name that begins with an underscore is never "
        "reported.",
        "let width = 16\ninput 3@32x32\nconv 16 3x3 -> relu",
        "let width = 16\ninput 3@32x32\nconv width 3x3 -> relu",
        severity="warning",
    ),
    Code(
        "unused-import",
        "an import that nothing is used of",
        "The imported file brings in blocks or constants, and none of them is mentioned (Johnson 1978).",
        'import "parts.cnn"\ninput 3@32x32\nconv 16 3x3 -> relu',
        'import "parts.cnn"\ninput 3@32x32\nStem',
        severity="warning",
        files={"parts.cnn": "block Stem { conv 16 3x3 -> relu }"},
    ),
    Code(
        "one-branch",
        "a merge of one branch",
        "Each statement between the braces of a merge is a branch, and a single one passes through: the merge does "
        "nothing. A residual connection (He et al. 2015) has the branch `identity` beside it. Branches that an "
        "`if` leaves out do not count: what is written is.",
        "input 3@32x32\nadd { conv 3 3x3 pad=1 -> relu }",
        "input 3@32x32\nadd { conv 3 3x3 pad=1 -> relu; identity }",
        severity="warning",
    ),
    Code(
        "broken-branch",
        "a branch that was meant to go on from the line above",
        "A line end between the braces of a merge begins a new branch, unlike elsewhere. Reported is a branch of "
        "nothing but activations, normalisations or dropout below one that ends with a convolution, a dense layer or a "
        "normalisation: it reads what enters the merge, not the line above. `->` joins the two, as do braces around "
        "several lines. A normalisation below another is not reported: RepVGG (Ding et al. 2021) has such a branch.",
        "input 3@32x32\nadd {\n  conv 3 3x3 pad=1\n  relu\n}",
        "input 3@32x32\nadd {\n  conv 3 3x3 pad=1 -> relu\n  identity\n}",
        severity="warning",
    ),
    Code(
        "bad-suppression",
        "a comment that ignores nothing",
        "`# cnn: ignore[CODE]` names codes of warnings, separated by commas. Behind a statement it speaks of its own "
        "line, on a line of its own of the whole next statement. One that names no warning, or one that is not given "
        "there, hides what may come later (as `noqa` comments do: Ruff's RUF100). Comments are judged only when the "
        "whole file is checked with its own settings; errors cannot be ignored.",
        "input 3@32x32\nconv 16 3x3 -> relu # cnn: ignore[checkerboard]",
        "input 3@32x32\nconv_transpose 16 3x3 stride=2 -> relu # cnn: ignore[checkerboard]",
        severity="warning",
    ),
    Code(
        "softmax-output",
        "a softmax at the end of a network for training",
        "Cross-entropy is computed from the values before the softmax, where it is exact for large values too "
        "(Goodfellow, Bengio, Courville 2016, section 6.2.2.3); PyTorch's `CrossEntropyLoss` applies its own, and a "
        "second one flattens the gradients. Opt-in: as a description of what the trained network answers, the softmax "
        "is right.",
        "input 64\ndense 10 -> softmax",
        "input 64\ndense 10",
        severity="warning",
        select="softmax-output",
    ),
    Code(
        "field-exceeds-input",
        "layers that have seen the whole input already",
        "From here on a larger receptive field adds nothing, and layers contribute little to the accuracy (Richter et "
        'al. 2021, "(Input) Size matters for CNN classifiers"). Opt-in: the last stages of every ResNet are such '
        "layers at 224x224. The receptive field is that of `cnndsl explain counts` (Araujo, Norris, Sim 2019).",
        "input 3@8x8\nrepeat 4 { conv 16 3x3 pad=1 -> relu }\nconv 16 3x3 pad=1 -> relu",
        "input 3@8x8\nrepeat 3 { conv 16 3x3 pad=1 -> relu }\nconv 16 3x3 pad=1 -> relu",
        severity="warning",
        select="field-exceeds-input",
    ),
    Code(
        "small-field",
        "global pooling over values that see little",
        "A global pool forgets where things are, so nothing larger than the receptive field before it can be "
        "recognised as a whole; accuracy grows with its logarithm (Araujo, Norris, Sim 2019). Reported if the field "
        "is less than a quarter of the input along every axis. Opt-in: bags of small features are an architecture "
        "too (Brendel and Bethge 2019).",
        "input 3@64x64\nconv 16 3x3 -> relu\nglobal_avgpool -> flatten -> dense 10",
        "input 3@64x64\nconv 16 8x8 stride=8 -> relu\nconv 16 3x3 -> relu\nglobal_avgpool -> flatten -> dense 10",
        severity="warning",
        select="small-field",
    ),
    Code(
        "heavy-dense",
        "one dense layer with most of the parameters",
        "The first dense layer behind a large map often outweighs everything else, and overfits first; global average "
        "pooling needs no parameters at all (Lin, Chen, Yan 2013, section 3.2). Opt-in: AlexNet and VGG are built so.",
        "input 3@32x32\nconv 16 3x3 pad=1 -> relu\nflatten -> dense 10",
        "input 3@32x32\nconv 16 3x3 pad=1 -> relu\nglobal_avgpool -> flatten -> dense 10",
        severity="warning",
        select="heavy-dense",
    ),
    Code(
        "channels-of-8",
        "channels that do not fill the hardware's vectors",
        'Matrix units and vector instructions work on multiples of 8 channels and pad others (NVIDIA, "Convolutional '
        "layers user's guide\", on channels and tensor cores); MobileNet rounds to them with `make_divisible` (Sandler "
        "et al. 2018). The last layer is exempt. Opt-in: it says nothing about the network itself.",
        "input 3@32x32\nconv 30 3x3 -> relu\nconv 10 3x3",
        "input 3@32x32\nconv 32 3x3 -> relu\nconv 10 3x3",
        severity="warning",
        select="channels-of-8",
    ),
    Code(
        "large-kernel",
        "a kernel of more than 5x5",
        "Two 3x3 layers see what a 5x5 layer sees and three what a 7x7 layer sees, with fewer weights and more "
        "activations between them (Simonyan and Zisserman 2014, section 2.3). Teaching advice, opt-in: first layers "
        "of 7x7 and modern depthwise kernels are larger for good reasons.",
        "input 16@64x64\nconv 16 7x7 pad=3 -> relu",
        "input 16@64x64\nrepeat 3 { conv 16 3x3 pad=1 -> relu }",
        severity="warning",
        select="teach",
    ),
    Code(
        "large-pool",
        "a pool that keeps very little",
        "Pooling by 2x2 keeps a quarter of the positions, which is the usual step; larger windows or strides throw "
        'away much at once (Stanford CS231n, notes on convolutional networks, "Layer sizing patterns"; Springenberg '
        "et al. 2015). Windows of 3 at stride 2 (Krizhevsky et al. 2012) are not reported. Teaching advice, opt-in.",
        "input 16@64x64\nmaxpool 4x4",
        "input 16@64x64\nmaxpool 2x2",
        severity="warning",
        select="teach",
    ),
    Code(
        "constant-filters",
        "as many filters at half the size",
        'Where the map gets smaller there is room for more filters, and deeper ones have more to tell apart: "if the '
        'feature map size is halved, the number of filters is doubled" (He et al. 2015, section 3.3). Teaching '
        "advice, opt-in: VGG's last stage stays at 512.",
        "input 3@32x32\nconv 16 3x3 pad=1 -> relu -> maxpool 2x2\nconv 16 3x3 pad=1 -> relu",
        "input 3@32x32\nconv 16 3x3 pad=1 -> relu -> maxpool 2x2\nconv 32 3x3 pad=1 -> relu",
        severity="warning",
        select="teach",
    ),
    Code(
        "falling-filters",
        "fewer filters at half the size",
        "The map gets smaller and its channels fewer, so that the representation shrinks twice in one step (Szegedy et "
        "al. 2016, section 2; Simonyan and Zisserman 2014 double the filters behind each pool). Teaching advice, "
        "opt-in.",
        "input 3@32x32\nconv 32 3x3 pad=1 -> relu -> maxpool 2x2\nconv 16 3x3 pad=1 -> relu",
        "input 3@32x32\nconv 32 3x3 pad=1 -> relu -> maxpool 2x2\nconv 64 3x3 pad=1 -> relu",
        severity="warning",
        select="teach",
    ),
    Code(
        "unregularised",
        "large dense layers, and nothing against overfitting",
        "Dense layers with more than a million parameters learn small data sets by heart. Dropout between them "
        "(Srivastava et al. 2014; AlexNet and VGG do so), a normalisation, or in `train { }` weight decay or "
        "augmentation keep them from it. Teaching advice, opt-in: with enough examples, or weight decay set elsewhere, "
        "it may be right.",
        "input 1@64x64\nflatten -> dense 512 -> relu -> dense 10",
        "input 1@64x64\nflatten -> dense 512 -> relu -> dropout 0.5 -> dense 10",
        severity="warning",
        select="teach",
    ),
    Code(
        "growing-kernels",
        "kernels that grow with the depth",
        "The first layers see pixels, and need a larger window to see anything; behind strides and pools a small one "
        "covers as much of the picture (AlexNet, Krizhevsky et al. 2012: 11, 5, 3). Kernels that are larger by two or "
        "more than that of the first convolution are reported, in networks without branches. Teaching advice, opt-in.",
        "input 3@32x32\nconv 16 3x3 pad=1 -> relu -> maxpool 2x2\nconv 32 5x5 pad=2 -> relu",
        "input 3@32x32\nconv 16 5x5 pad=2 -> relu -> maxpool 2x2\nconv 32 3x3 pad=1 -> relu",
        severity="warning",
        select="teach",
    ),
    Code(
        "pool-without-stride",
        "a large pool that moves by one pixel",
        "A pool makes the map smaller; moved by one pixel, a large window only smears it, and neighbours are nearly "
        "equal (Boureau, Ponce, LeCun 2010, on what pooling is for). Pools in branches, as those of Inception (Szegedy "
        "et al. 2015), and windows of up to 3 are not reported. Teaching advice, opt-in.",
        "input 16@32x32\nmaxpool 5x5 stride=1",
        "input 16@32x32\nmaxpool 2x2",
        severity="warning",
        select="teach",
    ),
    Code(
        "raw-images",
        "training on pictures that nothing standardises",
        "Values around 0, of about the same size, are learned from faster (LeCun, Bottou, Orr, Mueller 1998, "
        '"Efficient BackProp", section 4.3). Reported where there is a `train { }`, and neither a `normalize` at the '
        "input nor a normalisation before or behind the first layer. Teaching advice, opt-in: the data may be prepared "
        "elsewhere.",
        "input 3@32x32\nconv 16 3x3 -> relu -> global_avgpool -> flatten -> dense 10\ntrain { batch 32 }",
        "input 3@32x32\nnormalize mean=0.5 std=0.25\nconv 16 3x3 -> relu -> global_avgpool -> flatten -> dense 10\n"
        "train { batch 32 }",
        severity="warning",
        select="teach",
    ),
    Code(
        "never-smaller",
        "convolutions without a pool or stride up to a dense layer",
        "The dense layer gets every pixel of every channel: most parameters of the network are there, and it has to "
        "learn each place by itself. Pools or strides between the convolutions make the map smaller (LeCun et al. "
        "1998, section II.A). Teaching advice, opt-in: networks for board games keep the map on purpose.",
        "input 1@16x16\nrepeat 2 { conv 16 3x3 pad=1 -> relu }\nflatten -> dense 10",
        "input 1@16x16\nconv 16 3x3 pad=1 -> relu -> maxpool 2x2\nconv 32 3x3 pad=1 -> relu\nflatten -> dense 10",
        severity="warning",
        select="teach",
    ),
)
