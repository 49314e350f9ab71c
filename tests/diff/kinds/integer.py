# SPDX-License-Identifier: MIT
"""Integer instructions: I, M, C, Zba, Zbb, Zbc, Zbs, loads and stores of every alignment, branches and jumps."""

R_OPS = """add sub sll slt sltu xor srl sra or and addw subw sllw srlw sraw
    mul mulh mulhsu mulhu div divu rem remu mulw divw divuw remw remuw
    sh1add sh2add sh3add add.uw sh1add.uw sh2add.uw sh3add.uw
    andn orn xnor max maxu min minu rol ror rolw rorw clmul clmulh clmulr bclr bext binv bset""".split()
I_OPS = "addi slti sltiu xori ori andi addiw".split()
SHIFT64 = "slli srli srai rori slli.uw bclri bexti binvi bseti".split()
SHIFT32 = "slliw srliw sraiw roriw".split()
UNARY = "clz ctz cpop clzw ctzw cpopw sext.b sext.h zext.h orc.b rev8".split()
LOADS = {"lb": 1, "lbu": 1, "lh": 2, "lhu": 2, "lw": 4, "lwu": 4, "ld": 8}
STORES = {"sb": 1, "sh": 2, "sw": 4, "sd": 8}
BRANCHES = "beq bne blt bge bltu bgeu".split()
C_REGS = [10, 11, 12, 13, 14, 15]       # x8 and x9 are pointers


def imm12(body):
    r = body.rng
    return r.choice([0, 1, -1, 2047, -2048, r.randrange(-2048, 2048), r.randrange(-2048, 2048)])


def arithmetic(body):
    r = body.rng
    pick = r.random()
    rd = body.dst()
    if pick < 0.55:
        body.op(f"{r.choice(R_OPS)} x{rd}, x{body.src()}, x{body.src()}")
    elif pick < 0.70:
        body.op(f"{r.choice(I_OPS)} x{rd}, x{body.src()}, {imm12(body)}")
    elif pick < 0.80:
        body.op(f"{r.choice(SHIFT64)} x{rd}, x{body.src()}, {r.randrange(64)}")
    elif pick < 0.85:
        body.op(f"{r.choice(SHIFT32)} x{rd}, x{body.src()}, {r.randrange(32)}")
    elif pick < 0.93:
        name, src = r.choice(UNARY), body.src()
        if name == "ctzw":              # of a word of zeros: kind quirk
            body.op(f"bseti x{rd}, x{src}, {r.randrange(32)}")
            src = rd
        body.op(f"{name} x{rd}, x{src}" if name != "ctzw" or rd else "nop")
    elif pick < 0.96:
        body.op(f"{r.choice(['lui', 'auipc'])} x{rd}, {r.randrange(1 << 20):#x}")
    elif rd:
        body.li(rd, body.value())


def memory(body, aligned=False):
    r = body.rng
    name = r.choice(list(LOADS) + list(STORES) * 2)
    size = LOADS.get(name) or STORES[name]
    base = r.choice([2, 8, 9])
    off = r.randrange(-512, 512)
    if aligned or body.chance(0.4):
        off &= -size
    reg = body.dst() if name in LOADS else body.src()
    body.op(f"{name} x{reg}, {off}(x{base})")


def jump(body, inner):
    """A forward branch or jump over one to four instructions; sometimes a short counted loop."""
    r = body.rng
    pick = r.random()
    target = body.label()
    if pick < 0.65:
        body.op(f"{r.choice(BRANCHES)} x{body.src()}, x{body.src()}, {target}")
    elif pick < 0.75:
        body.op(f"jal x{body.dst()}, {target}")
    elif pick < 0.85:
        reg = body.dst() or 5
        body.op(f"la x{reg}, {target}")
        body.op(f"addi x{reg}, x{reg}, {r.choice([0, 1])}")     # jalr clears bit 0
        body.op(f"jalr x{body.dst()}, 0(x{reg})")
    elif pick < 0.93:
        body.op(f"la x5, {target}-40")
        body.op(f"jalr x{body.dst()}, 40(x5)")
    else:
        body.li(5, r.randrange(1, 6))
        loop, target = target, None
        body.place(loop)
        for _ in range(r.randrange(1, 5)):
            body.op(f"{r.choice(R_OPS)} x{r.choice([6, 7, 10, 11, 28])}, x{body.src()}, x{body.src()}")
        body.op("addi x5, x5, -1")
        body.op(f"bnez x5, {loop}")
    for _ in range(r.randrange(1, 5)):
        inner(body)
    if target:
        body.place(target)


def compressed(body):
    body.op(".option push")
    body.op(".option rvc")
    one_compressed(body)
    body.op(".option pop")


def one_compressed(body):
    r = body.rng
    c, d = r.choice(C_REGS), r.choice(C_REGS)
    rd = body.dst() or 5
    any_reg = body.src() or 6
    imm6 = r.choice([-32, 31, 1, -1, r.randrange(1, 32), -r.randrange(1, 33)])
    forms = [
        f"c.addi x{rd}, {imm6}", f"c.addiw x{rd}, {r.choice([0, imm6])}", f"c.li x{rd}, {imm6}",
        f"c.lui x{rd}, {r.choice([1, 31, 0xfffe0, 0xfffff])}", f"c.addi4spn x{c}, x2, {4 * r.randrange(1, 256)}",
        f"c.slli x{rd}, {r.randrange(1, 64)}", f"c.srli x{c}, {r.randrange(1, 64)}", f"c.srai x{c}, {r.randrange(1, 64)}",
        f"c.andi x{c}, {imm6}", f"c.mv x{rd}, x{any_reg}", f"c.add x{rd}, x{any_reg}",
        f"c.sub x{c}, x{d}", f"c.xor x{c}, x{d}", f"c.or x{c}, x{d}", f"c.and x{c}, x{d}",
        f"c.subw x{c}, x{d}", f"c.addw x{c}, x{d}", "c.nop",
        f"c.lwsp x{rd}, {4 * r.randrange(64)}(x2)", f"c.ldsp x{rd}, {8 * r.randrange(64)}(x2)",
        f"c.swsp x{any_reg}, {4 * r.randrange(64)}(x2)", f"c.sdsp x{any_reg}, {8 * r.randrange(64)}(x2)",
        f"c.lw x{c}, {4 * r.randrange(32)}(x8)", f"c.ld x{c}, {8 * r.randrange(32)}(x9)",
        f"c.sw x{c}, {4 * r.randrange(32)}(x9)", f"c.sd x{c}, {8 * r.randrange(32)}(x8)",
    ]
    pick = r.random()
    if pick < 0.85:
        form = r.choice(forms)
        if "c.lui x2," not in form:
            body.op(form)
        return
    target = body.label()
    if pick < 0.95:
        body.op(r.choice([f"c.beqz x{c}, {target}", f"c.bnez x{c}, {target}", f"c.j {target}"]))
    else:
        body.op(f"la x5, {target}")
        body.op(r.choice(["c.jr x5", "c.jalr x5"]))
    for _ in range(r.randrange(1, 4)):
        arithmetic(body)
    body.place(target)


def step(body, inner=None):
    pick = body.rng.random()
    if pick < 0.60:
        arithmetic(body)
    elif pick < 0.75:
        memory(body)
    elif pick < 0.90:
        compressed(body)
    else:
        jump(body, arithmetic)


def emit(body):
    body.mode = body.rng.choice([0, 1, 3, 3])
    if body.chance(0.7):
        body.op(".option rvc")
    for _ in range(body.rng.randrange(60, 160)):
        step(body)
