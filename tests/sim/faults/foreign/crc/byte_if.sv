interface byte_if;
  logic [7:0] data;
  logic       valid, ready;
  modport source(output data, valid, input ready);
  modport sink(input data, valid, output ready);
endinterface
